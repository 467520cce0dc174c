// The files of a choice: a Kustomize overlay on deploy/kubernetes, what install.sh wants to know of
// it, and Terraform variables.
#pragma once

#include <string>
#include <vector>

#include "plan/planner.h"

namespace puna::plan {

struct WrittenFile {
  std::string name;  // inside the folder
  std::string text;
};

// `repository` is what the pods fetch; `deploy` the way from the folder to deploy/kubernetes. Of
// the plan's first option, which is on a machine that is rented.
std::vector<WrittenFile> manifests(const PlanOption& option, const PlanRequest& request,
                                   const std::string& repository, const std::string& deploy);

// The repository whose weights have a known shape: of Llama 2 the seed's. Empty: none is known.
std::string repository_of_shape(const std::string& shape);

}  // namespace puna::plan
