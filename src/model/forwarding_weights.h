// ForwardingWeights: a WeightSource that is another one, but for what a subclass changes. One that
// changes rows changes the layouts and the quantised rows of the same tensors too.
#pragma once

#include <memory>
#include <utility>

#include "model/weight_source.h"

namespace puna {

class ForwardingWeights : public WeightSource {
 public:
  explicit ForwardingWeights(std::shared_ptr<const WeightSource> base) : base_(std::move(base)) {}

  std::vector<const TensorInfo*> tensors() const override { return base_->tensors(); }
  const TensorInfo* find(std::string_view name) const override { return base_->find(name); }
  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override {
    return base_->read_rows(name, first_row, row_count, out);
  }
  std::optional<QuantisedLayout> quantised_layout(std::string_view name) const override {
    return base_->quantised_layout(name);
  }
  Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                             QuantisedRows& out) const override {
    return base_->read_quantised_rows(name, first_row, row_count, out);
  }
  std::optional<Int8Layout> int8_layout(std::string_view name) const override {
    return base_->int8_layout(name);
  }
  Status read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                        Int8Rows& out) const override {
    return base_->read_int8_rows(name, first_row, row_count, out);
  }

 protected:
  const WeightSource& base() const { return *base_; }

 private:
  std::shared_ptr<const WeightSource> base_;
};

}  // namespace puna
