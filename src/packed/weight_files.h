// WeightFiles: the files that a checkpoint's weights lie in, opened, and what tells their contents
// apart: every byte, or for a file that is known already the system's own record of it.
//
// A copy with its times (cp -p), an edit whose modification time is put back, a file renamed over:
// each has another inode or change time, which nobody can set.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace puna {

class WeightFiles {
 public:
  static Result<WeightFiles> open(const std::vector<std::filesystem::path>& paths);

  uint64_t bytes() const;
  // Of device, inode, size, modification and change time of each file when it was opened.
  const std::string& stamp() const { return stamp_; }
  // Whether they still have that stamp.
  bool are_unchanged() const;
  // Whether a later write would show in the stamp: a file system's clock has ticks, and what is
  // written within the tick of the last change keeps its time.
  bool are_settled() const;

  // Of every byte, read by all threads of the pool. kCancelled when `stop` asks for it.
  Result<std::string> hash(ThreadPool& pool, const std::stop_token& stop = {}) const;

 private:
  struct File {
    std::filesystem::path path;
    FileDescriptor descriptor;
    struct stat info = {};
  };

  std::vector<File> files_;
  std::string stamp_;
};

}  // namespace puna
