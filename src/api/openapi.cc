// The document of OpenAPI 3.1, built from the tables.

#include "api/api_description.h"
#include "api/chat_messages.h"
#include "api/field_policy.h"

namespace puna {
namespace {

OrderedJson parsed(std::string_view json) {
  return OrderedJson::parse(json, nullptr, /*allow_exceptions=*/false);
}

OrderedJson reference(std::string_view schema) {
  OrderedJson json;
  json["$ref"] = fmt::format("#/components/schemas/{}", schema);
  return json;
}

// A field that may be absent may be null, too.
OrderedJson property(const FieldSpec& spec) {
  OrderedJson schema = schema_of(spec.type);
  if (!spec.required) {
    OrderedJson either;
    either["anyOf"] = OrderedJson::array({std::move(schema), parsed(R"({"type": "null"})")});
    schema = std::move(either);
  }
  schema["description"] = spec.meaning;
  return schema;
}

OrderedJson request_schema(const DescribedRequest& request) {
  OrderedJson schema;
  schema["type"] = "object";
  schema["properties"] = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (const FieldSpec& spec : request.fields) {
    schema["properties"][std::string(spec.name)] = property(spec);
    if (spec.required) required.push_back(spec.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = request.takes_ignored;
  if (!request.takes_ignored) return schema;
  schema["description"] =
      "Other names are refused with 400, but for null, for values that mean \"off\", and for the "
      "ignored ones below.";
  for (const IgnoredField& ignored : ignored_fields()) {
    if (ignored.name.ends_with('*')) continue;
    schema["properties"][std::string(ignored.name)]["description"] =
        fmt::format("Ignored: {}.", ignored.reason);
  }
  return schema;
}

OrderedJson content(std::string_view media_type, OrderedJson schema) {
  OrderedJson json;
  json[std::string(media_type)]["schema"] = std::move(schema);
  return json;
}

OrderedJson query_parameters() {
  OrderedJson parameters = OrderedJson::array();
  for (const DescribedRequest& request : described_requests()) {
    if (request.schema != "InferRequest") continue;
    for (const FieldSpec& spec : request.fields) {
      OrderedJson parameter;
      parameter["name"] = spec.name;
      parameter["in"] = "query";
      parameter["required"] = spec.required;
      parameter["description"] = spec.meaning;
      parameter["schema"] = schema_of(spec.type);
      parameters.push_back(std::move(parameter));
    }
  }
  return parameters;
}

OrderedJson responses(const DescribedRoute& route) {
  OrderedJson ok;
  ok["description"] = route.summary;
  ok["content"] = content(route.media_type, route.response.empty() ? parsed(R"({"type": "string"})")
                                                                   : reference(route.response));
  if (!route.events.empty()) {
    OrderedJson event = reference(route.events);
    event["description"] = "The JSON of one event; the last event is [DONE].";
    ok["content"]["text/event-stream"]["schema"] = std::move(event);
  }
  OrderedJson failed;
  failed["description"] = "A failure; docs/API.md lists statuses and codes";
  failed["content"] = content("application/json", reference("ErrorResponse"));
  OrderedJson json;
  json["200"] = std::move(ok);
  json["default"] = std::move(failed);
  return json;
}

OrderedJson operation(const DescribedRoute& route) {
  OrderedJson json;
  json["summary"] = route.summary;
  json["operationId"] = fmt::format("{}_{}", route.method, route.path);
  if (route.path.ends_with("{model}")) {
    json["parameters"] = parsed(
        R"([{"name": "model", "in": "path", "required": true, "schema": {"type": "string"}}])");
  }
  if (route.path == "/infer" && route.method == "get") json["parameters"] = query_parameters();
  if (!route.request.empty()) {
    json["requestBody"]["required"] = true;
    json["requestBody"]["content"] = content("application/json", reference(route.request));
  }
  json["responses"] = responses(route);
  json["security"] = route.needs_key ? parsed(R"([{}, {"key": []}])") : OrderedJson::array();
  return json;
}

}  // namespace

std::string openapi_document(const std::string& version) {
  OrderedJson json;
  json["openapi"] = "3.1.0";
  json["info"]["title"] = "Puna";
  json["info"]["version"] = version;
  json["info"]["description"] =
      "Llama chat models behind an API compatible with OpenAI's. The paths below /v1 also answer "
      "without it.";
  json["paths"] = OrderedJson::object();
  for (const DescribedRoute& route : described_routes()) {
    json["paths"][std::string(route.path)][std::string(route.method)] = operation(route);
  }
  OrderedJson& components = json["components"];
  components["securitySchemes"]["key"] = parsed(R"({"type": "http", "scheme": "bearer"})");
  OrderedJson& schemas = components["schemas"];
  for (const DescribedRequest& request : described_requests()) {
    schemas[std::string(request.schema)] = request_schema(request);
  }
  schemas["ChatMessage"] = parsed(message_schema());
  const OrderedJson answers = parsed(answer_schemas());
  for (const auto& [name, schema] : answers.items()) schemas[name] = schema;
  return dump_json(json);
}

}  // namespace puna
