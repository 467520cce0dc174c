// The two ends of a packed weight file: WritingSource fills one, MappedSource finds matrices in
// one.
#pragma once

#include "backend/cpu/cpu_weights.h"
#include "base/progress_bar.h"
#include "packed/packed_file_writer.h"

namespace puna {

// Packs each matrix, writes it, and gives back nothing of it: the weights that load_cpu_weights()
// makes with this are empty, and memory never holds more than one matrix.
class WritingSource final : public MatrixSource {
 public:
  // All arguments outlive the object.
  WritingSource(MatrixSource& packing, PackedFileWriter& writer, ProgressBar& progress)
      : packing_(packing), writer_(writer), progress_(progress) {}

  Result<PackedMatrix> matrix(const StackedTensors& tensors) override;
  Result<std::vector<float>> norm(const std::string& tensor) override;

 private:
  MatrixSource& packing_;
  PackedFileWriter& writer_;
  ProgressBar& progress_;
};

// Views of a mapped file. kDataLoss for what does not fit the checkpoint's tensors.
class MappedSource final : public MatrixSource {
 public:
  // All arguments outlive the object; `memory` also the matrices.
  MappedSource(const WeightSource& checkpoint, const WeightMemory& memory)
      : checkpoint_(checkpoint), memory_(memory) {}

  Result<PackedMatrix> matrix(const StackedTensors& tensors) override;
  Result<std::vector<float>> norm(const std::string& tensor) override;

 private:
  Result<PackedMatrix> find(const StackedTensors& tensors) const;
  Result<std::vector<float>> floats(const std::string& name) const;

  const WeightSource& checkpoint_;
  const WeightMemory& memory_;
};

}  // namespace puna
