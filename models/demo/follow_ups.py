# Which answer a question that leans on the last one gets: topic -> {kind of question: answer}.
# The kinds are the sections of phrasings/follow_ups.txt.

_RETURNS = {
    "ask_how": "return_how",
    "ask_who_pays": "return_cost",
    "ask_cost": "return_cost",
    "ask_money": "refund_time",
    "ask_until": "return_policy",
    "ask_exchange": "exchange",
}
_ORDER = {
    "ask_cancel_it": "cancel_order",
    "ask_send_back_it": "return_how",
    "ask_other_address": "change_address",
    "ask_invoice_it": "invoice",
}
_PEN = {
    "ask_cartridges": "cartridges",
    "ask_name_on_it": "engraving",
    "ask_guarantee": "warranty",
    "ask_wrap": "gift_wrap",
}
_PLACES = {"ask_eu": "abroad_yes", "ask_far": "abroad_no"}
_VISIT = {"ask_open": "hours", "ask_parking": "parking", "ask_where": "location"}


def _same(topic, *kinds):
    return {kind: topic for kind in kinds}


FOLLOW_UPS = {
    "delivery_time": {
        "ask_cost": "delivery_cost",
        "ask_faster": "express",
        "ask_abroad": "abroad",
        **_PLACES,
    },
    "delivery_cost": {
        "ask_time": "delivery_time",
        "ask_faster": "express",
        "ask_abroad": "abroad",
        **_PLACES,
    },
    "express": {**_same("express", "ask_cost", "ask_time", "ask_how"), "ask_abroad": "abroad"},
    "abroad": {**_same("abroad", "ask_cost", "ask_time"), **_PLACES},
    "abroad_yes": {**_same("abroad_yes", "ask_cost", "ask_time"), **_PLACES},
    "abroad_no": _PLACES,
    "return_policy": _RETURNS,
    "return_how": {**_RETURNS},
    "return_cost": {key: _RETURNS[key] for key in ("ask_how", "ask_money", "ask_until", "ask_exchange")},
    "refund_time": {"ask_exchange": "exchange"},
    "exchange": {**_same("exchange", "ask_how", "ask_until"), "ask_who_pays": "return_cost"},
    "order_status": _ORDER,
    "order_given": _ORDER,
    "lost_parcel": {"ask_money": "refund_time"},
    "cancel_order": {**_same("cancel_order", "ask_how", "ask_until"), "ask_money": "refund_time"},
    "change_address": _same("change_address", "ask_how", "ask_until"),
    "damaged": {"ask_money": "refund_time", "ask_how": "damaged", "ask_send_back_it": "return_how"},
    "wrong_item": {"ask_money": "refund_time", "ask_how": "wrong_item"},
    "missing_item": {"ask_money": "refund_time", "ask_how": "missing_item"},
    "invoice": _same("invoice", "ask_how"),
    "discount": _same("discount", "ask_how"),
    "student": _same("student", "ask_how"),
    "gift_card": _same("gift_card", "ask_cost", "ask_valid"),
    "gift_wrap": _same("gift_wrap", "ask_cost", "ask_how"),
    "bulk": _same("bulk", "ask_how"),
    "loyalty": _same("loyalty", "ask_how"),
    "engraving": _same("engraving", "ask_cost", "ask_time"),
    "warranty": {},
    "repair": _same("repair", "ask_cost", "ask_time", "ask_how"),
    "beginner_pen": {
        "ask_cost": "beginner_pen",
        "ask_left": "left_handed",
        **_PEN,
    },
    "left_handed": {"ask_cost": "left_handed", **_PEN},
    "classes": {**_same("classes", "ask_cost", "ask_how"), "ask_where": "location"},
    "pickup": {**_same("pickup", "ask_cost", "ask_time"), "ask_where": "location", "ask_open": "hours"},
    "hours": {"ask_where": "location", "ask_parking": "parking", "ask_open": "hours"},
    "location": _VISIT,
    "parking": {"ask_cost": "parking", "ask_where": "location", "ask_open": "hours"},
    "password": _same("password", "ask_how"),
    "delete_account": _same("delete_account", "ask_how"),
    "newsletter": _same("newsletter", "ask_how"),
}

# After any topic: a wish to talk to a person.
AFTER_ANY = {"ask_person": "human"}
