// ProgramBuilder: writes one StableHLO function op by op, checking shapes and element types.
//
// Only old core ops in generic form, which every PJRT plugin since 2023 reads. The first wrong op
// is remembered, nothing is written after it, and finish() says what it was. With several devices
// the text is of one device's share: explicit collectives, no decisions for a partitioner. Op
// semantics: https://github.com/openxla/stablehlo/blob/main/docs/spec.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stablehlo/tensor_type.h"

namespace puna::stablehlo {

// How a program is told that several devices run it together.
enum class TensorParallelMode {
  kReplicas,    // replica_groups of the collectives, as transformers-neuronx has it
  kPartitions,  // a body of sdy.manual_computation over a mesh, as Shardy has it
};

struct DeviceGroup {
  int degree = 1;
  TensorParallelMode mode = TensorParallelMode::kReplicas;
};

struct Value {
  std::string name;  // as in the text: "%12"
  TensorType type;   // on one device
};

// Which dimensions of two operands belong together.
struct DotDimensions {
  Shape lhs_batching = {};
  Shape rhs_batching = {};
  Shape lhs_contracting = {};
  Shape rhs_contracting = {};
};

enum class Comparison { kLess, kLessOrEqual, kGreaterOrEqual };
enum class Reduction { kSum, kMaximum, kMinimum };

class ProgramBuilder {
 public:
  explicit ProgramBuilder(DeviceGroup devices) : devices_(devices) {}

  // `type` is one device's part; `shard_dimension` is what its devices divide, none when all hold
  // the same.
  Value argument(std::string_view name, TensorType type, std::optional<int> shard_dimension = {});
  void result(const Value& value);
  // The next result, written over the argument's memory.
  void result_in_place_of(const Value& argument, const Value& value);

  Value splat(double number, const TensorType& type);
  Value iota(const TensorType& type, int64_t dimension);
  Value convert(const Value& value, ElementType element);
  Value reshape(const Value& value, const Shape& shape);
  Value transpose(const Value& value, const Shape& permutation);
  // Dimension i of `value` becomes dimension `dimensions[i]` of the result.
  Value broadcast(const Value& value, const Shape& shape, const Shape& dimensions);
  Value slice(const Value& value, int64_t dimension, int64_t first, int64_t last);
  // `size` rows of dimension 0 from the scalar `first` on.
  Value dynamic_rows(const Value& value, const Value& first, int64_t size);
  Value concatenate(const Value& low, const Value& high, int64_t dimension);
  // Rows of dimension 0 by index: [indices…, row…].
  Value gather_rows(const Value& table, const Value& indices);
  // pool[slots[t][0], :, slots[t][1], :] = rows[t]; no slot twice.
  Value write_slots(const Value& pool, const Value& slots, const Value& rows);

  Value add(const Value& a, const Value& b) { return binary("add", a, b); }
  Value subtract(const Value& a, const Value& b) { return binary("subtract", a, b); }
  Value multiply(const Value& a, const Value& b) { return binary("multiply", a, b); }
  Value divide(const Value& a, const Value& b) { return binary("divide", a, b); }
  Value minimum(const Value& a, const Value& b) { return binary("minimum", a, b); }
  Value both(const Value& a, const Value& b) { return binary("and", a, b); }
  Value negate(const Value& value) { return unary("negate", value); }
  Value exponential(const Value& value) { return unary("exponential", value); }
  Value logistic(const Value& value) { return unary("logistic", value); }
  Value reciprocal_root(const Value& value) { return unary("rsqrt", value); }
  Value compare(Comparison comparison, const Value& a, const Value& b);
  Value select(const Value& condition, const Value& yes, const Value& no);
  // Over `dimensions`, beginning with `initial`.
  Value reduce(Reduction reduction, const Value& value, const Shape& dimensions, double initial);
  Value dot(const Value& lhs, const Value& rhs, const DotDimensions& dimensions,
            ElementType result);

  // Over all devices; with one device, the value itself.
  Value sum_over_devices(const Value& value);
  Value concatenate_over_devices(const Value& value, int64_t dimension);

  // The module; kInternal with the first op that was wrong.
  Result<std::string> finish() const;

 private:
  struct Argument {
    std::string name;
    TensorType type;
    std::optional<int> shard_dimension;
    std::optional<size_t> aliased_result;
  };
  struct Outcome {
    Value value;
    std::optional<int> shard_dimension;
  };

  Value unary(std::string_view op, const Value& value);
  Value binary(std::string_view op, const Value& a, const Value& b);
  // Writes the op, or remembers that it is wrong when `valid` is false.
  Value emit(std::string_view op, bool valid, const std::vector<Value>& operands, TensorType type,
             const std::string& attributes = "", const std::string& region = "");
  std::string group_attributes();

  TensorType global(const TensorType& type, std::optional<int> shard_dimension) const;
  std::string sharding(const TensorType& type, std::optional<int> shard_dimension) const;
  std::string argument_list(bool with_sharding) const;
  std::string result_list(bool with_sharding) const;
  std::string replica_module() const;
  std::string partition_module() const;

  DeviceGroup devices_;
  Status status_;
  std::vector<Argument> arguments_;
  std::vector<Outcome> results_;
  std::string body_;
  int next_value_ = 0;
  int next_channel_ = 1;
};

}  // namespace puna::stablehlo
