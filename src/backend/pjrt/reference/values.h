// Bytes of a host and tensors of the interpreter.
#pragma once

#include <cstddef>
#include <span>

#include "backend/pjrt/pjrt_abi.h"
#include "stablehlo/interpreter/tensor.h"

namespace puna::pjrt {

// kUnimplemented for an element type that no emitted program has.
Result<interpreter::Element> element_of(ElementCode code);
ElementCode code_of(interpreter::Element element);
size_t byte_count(const interpreter::Type& type);

interpreter::Tensor read_values(const interpreter::Type& type, const void* data);
void write_values(const interpreter::Tensor& tensor, void* data);

}  // namespace puna::pjrt
