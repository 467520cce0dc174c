// open_generator(): from flags to a Generator that answers. The only place that wires concrete
// parts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/options.h"
#include "base/status.h"
#include "generate/generator.h"
#include "model/checkpoint.h"

namespace puna {

// The files behind MODEL: a path as it is, a hub id from the cache or the hub, and for no MODEL the
// demo's base model beside the program or below the working folder.
Result<std::filesystem::path> find_model(const ModelOptions& options);

// What is wrong before anything is loaded: a MODEL that is neither here nor a repository's name
// (kNotFound), and flags that name what is not there or cannot be read.
Status check_model_options(const ModelOptions& options);

// The checkpoint behind MODEL with its adapters merged.
Result<Checkpoint> open_model(const ModelOptions& options);

// Compiles the model's programs for its later starts; says what was done.
Result<std::string> compile_model(const ModelOptions& options);

// What a start is doing, in words for clients: "compiling program 3 of 9 (…)".
using StartProgress = std::function<void(const std::string&)>;

// Opens checkpoint, tokenizer, chat template and backend and starts the engine; logs each step with
// its time. `served_names` empty: the checkpoint's name.
Result<std::shared_ptr<Generator>> open_generator(
    const ModelOptions& options, std::vector<std::string> served_names = {},
    const StartProgress& on_progress = [](const std::string&) {});

}  // namespace puna
