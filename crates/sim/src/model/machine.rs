//! One payment: its states, its times, its amounts.

use super::parties::{Card, Person, Unit};
use super::{Action, Asked, Facts, Line, Ms, NewOrder, Reply, SHIPPING, Sums};

const MINUTE: Ms = 60_000;
const DAY: Ms = 24 * 60 * MINUTE;

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody decided.
    Open {
        opened: Option<Ms>,
        shown_to: Option<usize>,
        acts: Option<(Ms, usize)>,
        refused: bool,
        secure: bool,
    },
    /// Approved, and the bank says nothing for an hour.
    Silent { since: Ms, who: usize, card: Card },
    /// Reserved, and what came after.
    Held {
        at: Ms,
        who: usize,
        card: Card,
        captured: i64,
        refunded: i64,
        released: bool,
        first_capture: Option<Ms>,
    },
    /// A reservation that the merchant let go.
    Void,
    /// Given up before any money was reserved; whether time did it.
    Cancelled { timed_out: bool },
    /// Given up after the bank had refused.
    Failed,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pay {
    /// As ordered.
    pub order: NewOrder,
    direct: bool,
    is_test: bool,
    began: Ms,
    /// Where it stands.
    pub stage: Stage,
    /// Oldest first.
    pub log: Vec<Line>,
    /// The statuses of the callbacks that the merchant is owed.
    pub owed: Vec<&'static str>,
    /// Operation, key, and what it was used for.
    replies: Vec<(&'static str, String, Option<i64>, usize, Reply)>,
}

impl Pay {
    /// An initiate that is allowed as far as the sales unit goes.
    pub fn begin(order: &NewOrder, unit: Unit, persons: &[Person], now: Ms) -> Result<Pay, Reply> {
        if order.skip_landing_page && !unit.may_skip {
            return Err(Reply::refused(403, "Merchant/38"));
        }
        let mobile = order
            .mobile
            .map(|who| persons.get(who).filter(|it| it.may_pay).map(|it| (who, it)));
        if matches!(mobile, Some(None)) {
            return Err(Reply::refused(400, "User/81"));
        }
        let acts = mobile
            .flatten()
            .and_then(|(who, it)| Some((now + it.acts_after?, who)));
        let mut pay = Pay {
            order: order.clone(),
            direct: unit.direct,
            is_test: unit.is_test,
            began: now,
            stage: Stage::Open {
                opened: None,
                shown_to: order.mobile.filter(|_| order.skip_landing_page),
                acts,
                refused: false,
                secure: false,
            },
            log: Vec::new(),
            owed: Vec::new(),
            replies: Vec::new(),
        };
        pay.note("INITIATE", order.amount, true);
        Ok(pay)
    }

    fn note(&mut self, operation: &str, amount: i64, success: bool) {
        let operation = operation.to_owned();
        self.log.push(Line {
            operation,
            amount,
            success,
        });
    }

    /// What will be paid: the order, and shipping.
    pub fn total(&self) -> i64 {
        self.order.amount + if self.order.express { SHIPPING } else { 0 }
    }

    /// The sums, once something was reserved.
    pub fn sums(&self) -> Option<Sums> {
        match &self.stage {
            Stage::Held {
                captured,
                refunded,
                released,
                ..
            } => Some(Sums {
                captured: *captured,
                to_capture: if *released {
                    0
                } else {
                    self.total() - captured
                },
                refunded: *refunded,
                to_refund: captured - refunded,
            }),
            Stage::Void => Some(Sums::default()),
            Stage::Open { .. } | Stage::Silent { .. } | Stage::Cancelled { .. } | Stage::Failed => {
                None
            }
        }
    }

    /// Lets happen what falls due until `now`.
    pub fn catch_up(&mut self, persons: &[Person], now: Ms) {
        while self.let_happen(persons, now) {}
    }

    /// Lets happen what is due first; `false` when nothing is due until `now`.
    pub fn let_happen(&mut self, persons: &[Person], now: Ms) -> bool {
        match self.stage.clone() {
            Stage::Open {
                opened,
                acts,
                refused,
                ..
            } => {
                let ends = opened.unwrap_or(self.began) + 5 * MINUTE;
                match acts {
                    Some((at, who)) if at < ends && at <= now => {
                        self.approve_unasked(persons, who, at)
                    }
                    _ if ends <= now => {
                        self.give_up(refused, "REJECTED", true);
                    }
                    _ => return false,
                }
            }
            Stage::Silent { since, who, card } if since + 60 * MINUTE <= now => {
                self.reserve(who, card, since + 60 * MINUTE);
            }
            Stage::Held {
                at,
                captured,
                released: false,
                first_capture: Some(first),
                ..
            } if captured < self.total() => {
                // The bank holds the rest for a week; after a later first capture, a week from that.
                let due = if first < at + 7 * DAY {
                    at + 7 * DAY
                } else {
                    first + 7 * DAY
                };
                if due > now {
                    return false;
                }
                if let Stage::Held { released, .. } = &mut self.stage {
                    *released = true;
                }
            }
            _ => return false,
        }
        true
    }

    fn approve_unasked(&mut self, persons: &[Person], who: usize, at: Ms) {
        let able = persons.get(who).is_some_and(|person| person.may_pay);
        if let Stage::Open { acts, secure, .. } = &mut self.stage {
            *acts = None;
            // Whoever acts unasked confirms as well.
            *secure |= able;
        }
        if able {
            self.approve(persons, who, 0, at);
        }
    }

    fn give_up(&mut self, refused: bool, told: &'static str, timed_out: bool) -> Reply {
        if refused {
            self.stage = Stage::Failed;
            self.owed.push(if self.direct {
                "SALE_FAILED"
            } else {
                "RESERVE_FAILED"
            });
            return Reply::became("failed");
        }
        self.stage = Stage::Cancelled { timed_out };
        self.note("CANCEL", self.order.amount, true);
        self.owed.push(told);
        Reply::became("cancelled")
    }

    fn reserve(&mut self, who: usize, card: Card, at: Ms) {
        let total = self.total();
        self.stage = Stage::Held {
            at,
            who,
            card,
            captured: if self.direct { total } else { 0 },
            refunded: 0,
            released: false,
            first_capture: self.direct.then_some(at),
        };
        self.note(if self.direct { "SALE" } else { "RESERVE" }, total, true);
        self.owed.push(match (self.direct, self.order.express) {
            (true, _) => "SALE",
            (false, true) => "RESERVE",
            (false, false) => "RESERVED",
        });
    }

    fn refuse(&mut self, amount: i64) -> Reply {
        if let Stage::Open {
            refused,
            secure,
            acts,
            ..
        } = &mut self.stage
        {
            (*refused, *secure, *acts) = (true, false, None);
        }
        self.note("RESERVE", amount, false);
        Reply::became("refused by the bank")
    }

    /// The payer approves; the bank decides, in the test environment by the amount.
    fn approve(&mut self, persons: &[Person], who: usize, card: usize, at: Ms) -> Reply {
        let Stage::Open { secure, .. } = &mut self.stage else {
            return Reply::refused(0, "VippsError/92");
        };
        let (confirmed, is_good) = (
            *secure,
            persons.get(who).and_then(|it| it.cards.get(card)).copied(),
        );
        let amount = if self.is_test { self.total() } else { 0 };
        let brand = if card == 0 {
            Card::Visa
        } else {
            Card::Mastercard
        };
        match amount {
            _ if is_good != Some(true) => self.refuse(self.order.amount),
            151 | 182..=184 | 186 | 187 | 197 => self.refuse(self.order.amount),
            201 => {
                self.stage = Stage::Silent {
                    since: at,
                    who,
                    card: brand,
                };
                Reply::became("silent")
            }
            202 if !confirmed => {
                if let Stage::Open { secure, .. } = &mut self.stage {
                    *secure = true;
                }
                Reply::became("3-D Secure")
            }
            _ => {
                self.reserve(who, brand, at);
                Reply::became("reserved")
            }
        }
    }

    /// What an action makes of the payment at `now`, and what its caller is told.
    pub fn act(&mut self, action: &Action, persons: &[Person], now: Ms) -> Reply {
        let kept = self.kept(action);
        if let Some(reply) = kept {
            return reply;
        }
        self.catch_up(persons, now);
        let before = self.stage.clone();
        match action {
            Action::Initiate(_) => Reply::refused(400, "Merchant/34"),
            Action::Details => Reply::ok(Facts::Story {
                sums: self.sums(),
                log: self.log.iter().rev().cloned().collect(),
            }),
            Action::Status => self.status(),
            Action::Capture(asked) => {
                let reply = self.capture(&before, asked, persons, now);
                self.keep("capture", asked, reply)
            }
            Action::Refund(asked) => {
                let reply = self.refund(&before, asked, now);
                self.keep("refund", asked, reply)
            }
            Action::Cancel {
                release,
                bank_refuses,
            } => self.cancel(&before, *release, *bank_refuses, now),
            Action::Force {
                person,
                bank_refuses,
            } => self.force(&before, persons, *person, *bank_refuses, now),
            Action::Open
            | Action::Show { .. }
            | Action::Secure
            | Action::Approve { .. }
            | Action::Reject
            | Action::Leave => self.person_acts(action, persons, now),
        }
    }

    /// The answer that was given under the same key.
    fn kept(&self, action: &Action) -> Option<Reply> {
        let (name, asked) = match action {
            Action::Capture(asked) => ("capture", asked),
            Action::Refund(asked) => ("refund", asked),
            _ => return None,
        };
        let key = asked.key.as_ref()?;
        let (.., amount, text, reply) = self
            .replies
            .iter()
            .find(|it| it.0 == name && it.1 == *key)?;
        let is_same = (*amount, *text) == (asked.amount.filter(|it| *it != 0), asked.text);
        Some(if is_same {
            reply.clone()
        } else {
            Reply::refused(400, "VippsError/93")
        })
    }

    fn keep(&mut self, name: &'static str, asked: &Asked, reply: Reply) -> Reply {
        if let (Some(key), 200) = (&asked.key, reply.status) {
            let amount = asked.amount.filter(|it| *it != 0);
            self.replies
                .push((name, key.clone(), amount, asked.text, reply.clone()));
        }
        reply
    }

    fn capture(&mut self, before: &Stage, asked: &Asked, persons: &[Person], now: Ms) -> Reply {
        let payment = |code| Reply::refused(400, code);
        let (at, who, card, captured, released) = match before {
            Stage::Open { .. } | Stage::Failed | Stage::Cancelled { timed_out: true } => {
                return payment("Payment/62");
            }
            Stage::Cancelled { .. } | Stage::Void => return payment("VippsError/91"),
            Stage::Silent { .. } => return Reply::refused(409, "VippsError/94"),
            Stage::Held {
                at,
                who,
                card,
                captured,
                released,
                ..
            } => (*at, *who, *card, *captured, *released),
        };
        let total = self.total();
        let wanted = asked.amount.filter(|it| *it != 0);
        if self.direct || (captured == total && wanted.is_none_or(|it| it == total)) {
            return payment("VippsError/92");
        }
        if (now - at) / DAY > 180 {
            return payment("Payment/98");
        }
        let amount = wanted.unwrap_or(total - captured);
        if released || amount > total - captured {
            return payment("Payment/61");
        }
        let hold = if card == Card::Visa { 7 } else { 30 };
        let is_good = persons.get(who).and_then(|it| it.cards.get(card as usize)) == Some(&true);
        if asked.bank_refuses || ((now - at) / DAY >= hold && !is_good) {
            self.note("CAPTURE", amount, false);
            return payment("Payment/63");
        }
        if let Stage::Held {
            captured,
            first_capture,
            ..
        } = &mut self.stage
        {
            *captured += amount;
            first_capture.get_or_insert(now);
        }
        self.note("CAPTURE", amount, true);
        self.moved(amount)
    }

    fn refund(&mut self, before: &Stage, asked: &Asked, now: Ms) -> Reply {
        let payment = |code| Reply::refused(400, code);
        let (at, captured, refunded) = match before {
            Stage::Open { .. } | Stage::Held { captured: 0, .. } => return payment("Payment/72"),
            Stage::Silent { .. } => return Reply::refused(409, "VippsError/94"),
            Stage::Cancelled { .. } | Stage::Failed | Stage::Void => return payment("Payment/73"),
            Stage::Held {
                at,
                captured,
                refunded,
                ..
            } => (*at, *captured, *refunded),
        };
        if (now - at) / DAY > 365 {
            return payment("Payment/95");
        }
        let left = captured - refunded;
        let amount = asked.amount.filter(|it| *it != 0).unwrap_or(left);
        if amount > left || amount == 0 {
            return payment("Payment/71");
        }
        if asked.bank_refuses {
            self.note("REFUND", amount, false);
            return payment("Payment/74");
        }
        if let Stage::Held { refunded, .. } = &mut self.stage {
            *refunded += amount;
        }
        self.note("REFUND", amount, true);
        self.moved(amount)
    }

    fn cancel(&mut self, before: &Stage, release: bool, bank_refuses: bool, now: Ms) -> Reply {
        let payment = |code| Reply::refused(400, code);
        let bank = payment("Payment/52");
        match before {
            Stage::Open { secure: true, .. } => return bank,
            Stage::Open { .. } if bank_refuses => return bank,
            Stage::Open { .. } => {
                self.stage = Stage::Cancelled { timed_out: false };
                self.note("CANCEL", self.order.amount, true);
            }
            Stage::Silent { .. } => return Reply::refused(409, "VippsError/94"),
            Stage::Cancelled { .. } | Stage::Failed | Stage::Void => {
                return payment("VippsError/92");
            }
            Stage::Held {
                at,
                captured,
                released,
                ..
            } => {
                let rest = if *released {
                    0
                } else {
                    self.total() - captured
                };
                if *captured > 0 && (!release || rest == 0) {
                    return payment("Payment/51");
                }
                if (now - at) / DAY > 180 || bank_refuses {
                    return bank;
                }
                if *captured == 0 {
                    self.note("VOID", self.total(), true);
                    self.stage = Stage::Void;
                } else {
                    self.note("VOID", rest, true);
                    if let Stage::Held { released, .. } = &mut self.stage {
                        *released = true;
                    }
                }
            }
        }
        self.moved(self.order.amount)
    }

    fn force(
        &mut self,
        before: &Stage,
        persons: &[Person],
        who: usize,
        bank_refuses: bool,
        now: Ms,
    ) -> Reply {
        match persons.get(who) {
            Some(person) if person.may_pay => {
                if person.approved_once == Some(false) {
                    return Reply::refused(400, "Payment/1082");
                }
                if !person.cards[0] {
                    return Reply::refused(400, "User/81");
                }
            }
            _ => return Reply::refused(400, "User/81"),
        }
        if !matches!(before, Stage::Open { .. }) {
            return Reply::refused(400, "VippsError/92");
        }
        if self.order.express || self.order.skip_landing_page {
            return Reply::refused(400, "VippsError/91");
        }
        if bank_refuses {
            self.refuse(self.order.amount);
            return Reply::refused(400, "Payment/42");
        }
        self.reserve(who, Card::Visa, now);
        Reply::ok(Facts::Nothing)
    }

    fn person_acts(&mut self, action: &Action, persons: &[Person], now: Ms) -> Reply {
        let refused = |code| Reply::refused(0, code);
        let who = match action {
            Action::Show { person } | Action::Approve { person, .. } => Some(*person),
            _ => None,
        };
        if who.is_some_and(|who| !persons.get(who).is_some_and(|person| person.may_pay)) {
            return refused("User/81");
        }
        let Stage::Open {
            opened,
            shown_to,
            acts,
            refused: was_refused,
            secure,
        } = &mut self.stage
        else {
            return refused("VippsError/92");
        };
        if who.is_some() && self.order.skip_landing_page && self.order.mobile != who {
            return refused("VippsError/91");
        }
        match action {
            Action::Open => {
                opened.get_or_insert(now);
            }
            Action::Show { person } if *shown_to != Some(*person) => {
                *shown_to = Some(*person);
                let acts_after = persons.get(*person).and_then(|it| it.acts_after);
                *acts = acts_after.map(|after| (now + after, *person));
            }
            Action::Secure => *secure = true,
            Action::Approve { person, card } => return self.approve(persons, *person, *card, now),
            Action::Reject => {
                let was_refused = *was_refused;
                return self.give_up(was_refused, "CANCELLED", false);
            }
            Action::Leave => {
                let was_refused = *was_refused;
                return self.give_up(was_refused, "REJECTED", false);
            }
            _ => {}
        }
        Reply::became("open")
    }

    fn moved(&self, amount: i64) -> Reply {
        let sums = self.sums().unwrap_or_default();
        Reply::ok(Facts::Moved { amount, sums })
    }

    fn status(&self) -> Reply {
        let latest = self.log.iter().rev().find(|line| line.success);
        let (operation, amount) =
            latest.map_or(("", 0), |line| (line.operation.as_str(), line.amount));
        let status = match &self.stage {
            Stage::Open { secure: true, .. } | Stage::Silent { .. } => "REGISTER",
            Stage::Cancelled { timed_out: true } => "REJECTED",
            Stage::Failed => "FAILED",
            Stage::Open { .. } | Stage::Cancelled { .. } | Stage::Held { .. } | Stage::Void => {
                operation
            }
        };
        let status = status.to_owned();
        Reply::ok(Facts::Standing { status, amount })
    }
}
