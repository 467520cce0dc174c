// The sizing table of the system that Puna re-implements, computed by its own rules, and what those
// rules leave out.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace puna::plan {

// Ten columns as text, as the table has them.
struct SeedRow {
  std::string model;
  std::string dtype;
  int bytes = 0;
  int billions = 0;
  int gigabytes = 0;
  double quotient = 0;  // of 16 GB of a core
  int cores = 0;
  int accelerators = 0;
  std::string instance;
  int tp_degree = 0;

  std::vector<std::string> columns() const;
};

std::vector<SeedRow> seed_rows();

// The table, then what is wrong with it.
std::string describe_seed_table();
OrderedJson seed_table_json();

}  // namespace puna::plan
