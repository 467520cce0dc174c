// The shop's texts, and who asks what.

#include "load/support_shop.h"

#include <array>
#include <span>
#include <utility>

#include "load/random_draws.h"

namespace puna {
namespace {

constexpr std::string_view kSystemPrompt =
    R"(You are the support assistant of Lanternhill, an online shop for desk lamps, bulbs and shades.
Answer in two to four short sentences, friendly and exact. Use only what stands below. If it does
not answer the question, say that you do not know and offer to pass the customer on to a colleague
(hello@lanternhill.example, Monday to Friday, 9:00 to 17:00). Never invent order numbers, prices
or dates. Never ask for passwords or card numbers.

Orders and payment
- How can I pay? By card, PayPal, bank transfer in advance, or on account for schools and
  companies (30 days).
- When is my card charged? When the parcel leaves us, not when you order.
- Can I change or cancel an order? Until it is packed, usually for two hours: open "My orders" and
  choose "Change". After that, send the parcel back when it arrives.
- Where is my invoice? In the e-mail that says that the parcel is on its way, and under "My
  orders". A VAT number can be added for 14 days after the purchase.
- How do vouchers work? One voucher for each order; they are valid for a year and cannot be added
  after the payment.

Delivery
- How long does it take? Two to three working days within the country, four to seven in the rest
  of the EU, up to twelve in Switzerland, Norway and the United Kingdom. We ship from Monday to
  Friday; what is ordered before 13:00 leaves us the same day.
- What does it cost? 4.90 within the country, 9.90 in the EU, 19.00 elsewhere; free from 60.00
  within the country. Floor lamps cost 12.00 more, as they travel on their own.
- How do I follow a parcel? With the link in the shipping e-mail; it works from the evening of
  that day.
- The parcel has not moved for days. After five working days without news we start a search; it
  takes up to eight days. Then we send the lamp again or give the money back, as you like.
- May it go to a parcel locker? Desk lamps and bulbs yes, floor lamps no.

Returns and refunds
- How long can I return something? 30 days from delivery, unused and in its box. Bulbs must be
  sealed.
- How do I return it? Under "My orders" choose "Return"; print the label or show its code at the
  parcel shop. It is free within the country; from abroad the sender pays.
- When do I get my money? Within five working days after the parcel has reached us, the way you
  paid.
- Can I exchange a colour? Yes, once and for free: choose "Exchange" instead of "Return".

Lamps and bulbs
- Which bulb fits? Aurel and Brightwell take E27 up to 12 watts, Cosy takes E14 up to 6 watts,
  Dorn has a built-in LED that we replace in our workshop for 29.00.
- Can I dim my lamp? Aurel and Dorn yes, with the wheel on the cable; Brightwell with a dimmable
  bulb; Cosy no.
- The lamp flickers. Nearly always the bulb does not suit a dimmer: try a bulb marked "dimmable".
  If a second bulb flickers too, it is a case for the guarantee.
- How do I clean the shade? Linen with a dry brush, glass with water and a drop of soap, paper
  only with a duster.
- Is Aurel fit for a bathroom? No, its protection is IP20. Dorn is IP44 and may hang 60 cm from
  the shower.

Guarantee and repairs
- How long is the guarantee? Three years on lamps, one year on bulbs, from the date of the
  invoice.
- What does it cover? Switches, cables, LEDs and joints that fail. Broken glass and scratches it
  does not, but we sell all parts for ten years.
- How do I send a repair? Write to us with a photo and the number on the foot of the lamp; we send
  a label within two working days. Repairs take about ten days.
- Do you sell spare parts? Yes: shades, feet, cables, springs and switches, under "Parts" on the
  page of each lamp.)";

// The first opens a conversation; the others follow in their order, as far as the customer goes.
using Topic = std::array<std::string_view, 4>;
constexpr std::array<Topic, 16> kTopics = {{
    {"Hi! How long does delivery to Portugal take, and what does it cost?",
     "And if I order tomorrow morning, when does it leave you?",
     "Can it go to a parcel locker there?", "Great. How will I know where the parcel is?"},
    {"My parcel has not moved for six days. What now?", "How long does such a search take?",
     "And if it is lost, do I have to order again?",
     "Good. Can you tell me my order number from my name?"},
    {"I want to send my Aurel lamp back, the colour does not suit my room.",
     "Could I just have it in green instead?", "Do I have to pay for that?",
     "I have thrown the box away. Is that a problem?"},
    {"Which bulb do I need for a Cosy?", "Would 9 watts be all right as well?",
     "Can I dim it with another bulb?", "Which of your lamps could I dim then?"},
    {"My desk lamp flickers, is it broken?",
     "I have a Brightwell with a bulb from the supermarket.",
     "I tried a dimmable one and it flickers still.", "How long will the repair take?"},
    {"Can I still cancel the order I made an hour ago?", "Where do I click for that?",
     "And if it has been packed already?", "When do I get the money back?"},
    {"I need an invoice with our VAT number for an order of last week.",
     "Where do I find the invoice itself?", "Could our school pay later than at once?",
     "How many days would we have?"},
    {"Is the Aurel allowed in a bathroom?", "Which one would be, and how near to the shower?",
     "What happens when its LED dies one day?", "Is that not covered by the guarantee?"},
    {"How do I clean a paper shade? It is full of dust.", "And one of glass?",
     "There is a stain on my linen shade, may I wash it?", "Can I buy a new shade only?"},
    {"The switch of my lamp broke after two years. Do you repair that?",
     "What do you need from me?", "Who pays for the parcel?", "The glass has a crack, too."},
    {"I have a voucher and forgot to enter it. Can you add it now?",
     "Could I use two of them next time?", "Until when is it valid?",
     "Is there a discount for ten lamps?"},
    {"When will my card be charged?", "I would rather pay by bank transfer.",
     "Does the lamp wait for me until the money has come?", "Can I pay in two parts?"},
    {"What does it cost to send a floor lamp to Norway?", "How many days will it take?",
     "And what if I do not like it: is the way back free?", "Are there customs duties?"},
    {"Do you have spare feet for the Dorn?", "For how many years will you have them?",
     "Mine is from 2016, does that matter?", "Where do I find the number of my lamp?"},
    {"Hello, can I change the address of an order?", "It was packed this morning.",
     "So what should I do when it comes to the old address?",
     "Could a colleague of yours call me?"},
    {"Do I get free delivery for two lamps of 35.00 each?", "I live in Austria, by the way.",
     "And with a floor lamp in the same order?", "How late may I order for today's parcel?"},
}};

// How many of ten customers ask so many questions.
constexpr std::array<size_t, 10> kQuestions = {1, 1, 1, 2, 2, 2, 3, 3, 4, 4};

class SupportShop final : public Scenario {
 public:
  explicit SupportShop(uint64_t seed)
      : seed_(seed), system_message_(message_json("system", kSystemPrompt)) {}

  std::string describe() const override { return "the support shop"; }

  std::shared_ptr<const ChatScript> script(uint64_t index) const override {
    RandomDraws draws(seed_, kShopStream + index);
    const Topic& topic = kTopics[draws.below(kTopics.size())];
    const size_t questions = kQuestions[draws.below(kQuestions.size())];
    auto script = std::make_shared<ChatScript>();
    for (const std::string_view question : std::span(topic).first(questions)) {
      script->turns.push_back({message_json("user", question), std::nullopt});
    }
    script->turns[0].messages.insert(0, system_message_ + ",");
    return script;
  }

 private:
  static constexpr uint64_t kShopStream = uint64_t{1} << 32U;

  const uint64_t seed_;
  const std::string system_message_;
};

}  // namespace

std::unique_ptr<Scenario> make_support_shop(uint64_t seed) {
  return std::make_unique<SupportShop>(seed);
}

}  // namespace puna
