// Kernels: what an operation does, made once from its syntax after every rule of it was checked.
//
// Rules and meanings are those of the StableHLO specification, and beyond it what Neuron refuses:
// indices out of range, integer dots, operations outside the list.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stablehlo/interpreter/syntax.h"
#include "stablehlo/interpreter/tensor.h"

namespace puna::interpreter {

// Which devices run a program, and by which of its two ways they work together.
struct DeviceLayout {
  int64_t replicas = 1;
  int64_t partitions = 1;

  int64_t count() const { return replicas * partitions; }
};

using Operands = std::span<const Tensor* const>;

// One of the two.
struct Kernel {
  std::function<Result<Tensor>(Operands)> local;  // on one device
  // One operand of every device to one result of every device.
  std::function<Result<std::vector<Tensor>>(Operands)> collective;
};

Kernel on_each_device(std::function<Result<Tensor>(Operands)> function);

// An operation of one result whose operands are known to have their types.
struct KernelSource {
  const SyntaxOperation& syntax;
  Attributes attributes;  // those that are left
  DeviceLayout devices;

  const Type& operand(size_t index) const { return syntax.operand_types[index]; }
  const Type& result() const { return syntax.result_types.front(); }
  // kInvalidArgument unless there are `count` operands.
  Status expect_operands(size_t count) const;
  // kInvalidArgument unless the text says that the result has this type.
  Status expect_result(const Type& type) const;
};

// kUnimplemented for an operation outside the list.
Result<Kernel> make_kernel(const SyntaxOperation& operation, DeviceLayout devices);

// The only kinds of regions that operations have: two scalars into one.
enum class Combiner { kAdd, kMaximum, kMinimum, kSecond };
Result<Combiner> parse_combiner(const KernelSource& source, Element element);

// The makers, by file.
Result<Kernel> make_elementwise(KernelSource& source, std::string_view op);
Result<Kernel> make_compare(KernelSource& source);
Result<Kernel> make_select(KernelSource& source);
Result<Kernel> make_convert(KernelSource& source);
Result<Kernel> make_constant(KernelSource& source);
Result<Kernel> make_iota(KernelSource& source);
Result<Kernel> make_reshape(KernelSource& source);
Result<Kernel> make_transpose(KernelSource& source);
Result<Kernel> make_broadcast(KernelSource& source);
Result<Kernel> make_slice(KernelSource& source);
Result<Kernel> make_concatenate(KernelSource& source);
Result<Kernel> make_dynamic_slice(KernelSource& source);
Result<Kernel> make_gather(KernelSource& source);
Result<Kernel> make_scatter(KernelSource& source);
Result<Kernel> make_dot_general(KernelSource& source);
Result<Kernel> make_reduce(KernelSource& source);
Result<Kernel> make_all_reduce(KernelSource& source);
Result<Kernel> make_all_gather(KernelSource& source);

}  // namespace puna::interpreter
