// What /openapi.json and /docs say: every route, its request from the tables that parse it, and the
// shapes of its answers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/request_fields.h"
#include "base/json.h"

namespace puna {

struct DescribedRoute {
  std::string_view method;  // "get", "post"
  std::string_view path;
  std::string_view summary;
  bool needs_key = false;
  std::string_view request = {};   // name of a schema; empty: no body
  std::string_view response = {};  // name of a schema; empty: no JSON
  std::string_view events = {};    // name of a schema of one server-sent event
  std::string_view media_type = "application/json";
};
std::span<const DescribedRoute> described_routes();

struct DescribedRequest {
  std::string_view schema;
  FieldSpecs fields;
  bool takes_ignored = false;  // also the names of field_policy.h that have no effect
};
std::span<const DescribedRequest> described_requests();

// Schemas of what is answered (components/schemas), as JSON text.
std::string_view answer_schemas();

// The document of OpenAPI 3.1.
std::string openapi_document(const std::string& version);
// The same for people: one page of HTML that loads nothing.
std::string docs_page(const std::string& version);

}  // namespace puna
