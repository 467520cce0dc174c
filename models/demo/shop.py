# The invented shop: its answer to every question the assistant knows, word for word.
# To make an assistant for another shop, write its answers here and its customers' questions in
# phrasings/. {number} and {order} stand for the order number if the customer gave it, {name} and
# {place} for the customer's name and the place asked about.

SHOP = "Quillfern"

HAND_OVER = (
    "I don't know that, sorry. I will hand you over to a colleague, who replies by email within one"
    " working day."
)

ANSWERS = {
    "greeting": "Hello! How can I help you?",
    "greeting_named": "Hello {name}! How can I help you?",
    "thanks": "You're welcome{name}! Is there anything else?",
    "goodbye": "Goodbye{name}, and thank you for visiting Quillfern!",
    "identity": "I am Quillfern's support assistant, a computer program. Ask for a person at any time.",
    "capabilities": "I answer questions about orders, delivery, returns, payment and our products.",
    "human": "You reach our team at help@quillfern.example or 555 0142, Monday to Friday from 9 to 17.",
    "complaint": "I am sorry to hear that. Please write to boss@quillfern.example: our manager answers"
    " within one day.",
    "hours": "Our shop is open Monday to Saturday from 10 to 18. On Sundays it is closed.",
    "location": "Our shop is at 14 Mill Lane in Hollowbrook, next to the old station.",
    "parking": "You can park behind the shop, free for two hours.",
    "pickup": "Yes, you can collect your order in the shop free of charge, two hours after ordering.",
    "classes": "Our calligraphy class is on the first Saturday of each month and costs 35 euros. Book at"
    " quillfern.example/classes.",
    "product_range": "We sell pens, ink, notebooks, letter paper and sealing wax, and nothing else.",
    "jobs": "We have no open jobs at the moment, but you can write to jobs@quillfern.example.",
    "delivery_time": "Delivery takes 2 to 3 working days.",
    "delivery_cost": "Delivery costs 4 euros, and it is free for orders from 50 euros.",
    "express": "Express delivery costs 9 euros and comes the next working day if you order before 14:00.",
    "abroad": "We deliver to all countries of the European Union, in 5 to 8 working days for 12 euros.",
    "abroad_yes": "Yes, we deliver to {place}. It takes 5 to 8 working days and costs 12 euros.",
    "abroad_no": "Sorry, we don't deliver to {place}, only within the European Union.",
    "packaging": "Our parcels are made of recycled cardboard, without any plastic.",
    "order_status": "You can see where order {order} is at quillfern.example/track/{order}.",
    "order_unknown": "Please tell me your order number. It has five digits and is in our email to you.",
    "order_given": "Thank you. What would you like to know about order {order}?",
    "lost_parcel": "I am sorry. Please ask your neighbours first. If the parcel is not found in 2 days,"
    " send {number} to help@quillfern.example and we send everything again.",
    "change_address": "You can change the address of {the_order} at quillfern.example/orders until it is"
    " packed.",
    "cancel_order": "You can cancel {the_order} at quillfern.example/orders within 2 hours of ordering.",
    "change_items": "We can't change the items of {the_order}. Please cancel it within 2 hours and order"
    " again.",
    "damaged": "I am sorry about that. Send a photo and {number} to help@quillfern.example, and we replace"
    " the item for free.",
    "wrong_item": "I am sorry about the mix-up. Send {number} to help@quillfern.example: we send the right"
    " item, and you keep the wrong one.",
    "missing_item": "I am sorry that something is missing. Send {number} to help@quillfern.example, and we"
    " post the missing item the same day.",
    "return_policy": "You can return unused items within 30 days.",
    "return_how": "Print a label at quillfern.example/returns, stick it on the parcel and take it to any"
    " post office.",
    "return_cost": "Returns are free: we pay the postage.",
    "refund_time": "You get your money back within 7 days, the same way you paid.",
    "exchange": "Yes, we exchange unused items within 30 days. Choose Exchange at"
    " quillfern.example/returns.",
    "payment_methods": "You can pay by Visa, Mastercard, PayPal or bank transfer.",
    "instalments": "Sorry, we don't offer instalments or paying later.",
    "payment_failed": "If a payment fails, nothing is charged. Please try again or choose another way to"
    " pay.",
    "invoice": "The invoice of {the_order} is at quillfern.example/orders as a PDF.",
    "discount": "New customers get 10 percent off with the code FERN10.",
    "student": "Students and teachers get 15 percent off. Send a photo of your card to"
    " help@quillfern.example.",
    "gift_card": "Gift cards of 25, 50 or 100 euros come by email and are valid for 3 years.",
    "gift_wrap": "We wrap gifts for 3 euros, with a card for your message. Tick Gift wrap at checkout.",
    "bulk": "From 20 pieces you get 20 percent off. Please write to orders@quillfern.example.",
    "loyalty": "You collect one point for each euro, and 100 points are worth 5 euros.",
    "engraving": "We engrave up to 20 letters on a pen for 8 euros. It takes 2 more working days.",
    "warranty": "Our pens have a guarantee of 5 years. It does not cover falls or worn nibs.",
    "repair": "We repair pens for 15 euros within 10 days. Bring or send yours to the shop.",
    "cleaning": "Rinse the pen with cold water every four weeks and let it dry overnight.",
    "beginner_pen": "For beginners we suggest the Sparrow with a medium nib, for 24 euros.",
    "left_handed": "For left-handers we suggest the Swift for 26 euros, with our quick-drying Finch ink.",
    "cartridges": "Our pens take standard international cartridges, or bottled ink with a converter.",
    "ink_waterproof": "Our Raven ink is waterproof. All our other inks wash out with water.",
    "paper": "Our paper has 100 grams and takes fountain pen ink on both sides without bleeding.",
    "notebooks": "Our notebooks come in A4, A5 and A6, with lined, dotted or blank pages.",
    "restock": "Press Notify me on the item's page. Most items are back within 3 weeks.",
    "password": "Press Forgot password at sign-in, and we send you a link for a new one.",
    "guest": "You can order as a guest, without an account.",
    "delete_account": "You can delete your account and your data at quillfern.example/account.",
    "newsletter": "Press Unsubscribe at the foot of any newsletter, and it stops at once.",
    "out_of_scope": HAND_OVER,
}


def answer(intent, order=None, name=None, place=None):
    """The shop's words for `intent`, with what the customer has told so far."""
    if intent == "order_status" and order is None:
        intent = "order_unknown"
    if intent in ("thanks", "goodbye"):
        name = f", {name}" if name else ""
    return ANSWERS[intent].format(
        order=order,
        the_order=f"order {order}" if order else "your order",
        number=f"order number {order}" if order else "your order number",
        name=name,
        place=place,
    )
