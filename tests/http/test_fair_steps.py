"""Priorities, where the server has them."""

HELLO = {"prompt": "Hello", "max_tokens": 2, "priority": -3}


def test_a_priority_is_refused_where_requests_are_served_in_order(server):
    reply = server.post("/v1/completions", HELLO)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["param"] == "priority" and "--scheduling-policy priority" in error["message"]
    assert server.post("/v1/completions", HELLO | {"priority": 0}).status_code == 200


def test_a_priority_is_taken_where_the_server_has_them(start_server):
    server = start_server("--scheduling-policy", "priority", "--max-step-ms", "100")
    assert server.post("/v1/completions", HELLO).status_code == 200
