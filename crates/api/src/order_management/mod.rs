//! Order Management: receipts, buttons and pictures beside a payment (reference:
//! order-management.md). v3 categories are not built; the v1 orders and receipts are gone.
//!
//! Nothing here asks whether there is such an order: a receipt may come before its payment. A payment
//! that was created with a receipt has it, though.

mod image;
mod refusals;
mod routes;
mod wire;

use sandkasse_domain::{
    order_info::{CATEGORIES, Category, OrderInfo, PaymentType, Told},
    receipt::Receipt,
};
use sandkasse_engine::{Refused, faults::Target};
use sandkasse_gate::{Caller, Step};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Call, Why, admission, body,
    json::Json,
    params::{JSON, Params, Rule},
    receipt,
};

pub use routes::Asked;
pub(crate) use routes::find;

/// An order id, and an image's.
const ID: &str = r"^[0-9A-Za-z-_\.]+$";

/// Why Order Management says no; in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderManagementCause {
    /// There is a picture of this id.
    ImageExists,
    /// There is no picture of this id.
    ImageUnknown,
    /// There is a receipt, and it stays.
    ReceiptExists,
    /// Nothing was told of this order.
    NothingTold,
}

impl OrderManagementCause {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            OrderManagementCause::ImageExists => "order_info.image_exists",
            OrderManagementCause::ImageUnknown => "order_info.image_unknown",
            OrderManagementCause::ReceiptExists => "order_info.receipt_exists",
            OrderManagementCause::NothingTold => "order_info.nothing_told",
        }
    }
}

pub(crate) async fn handle(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, (Answer, Why)> {
    match admitted(call, asked).await {
        Ok(answer) => Ok(answer),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

async fn admitted(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, Why> {
    let caller = admission::keys(call).await?;
    let sent = match asked {
        Asked::Order { .. } => Json::Null,
        Asked::Image | Asked::Receipt { .. } | Asked::Category { .. } => {
            let sent = body::parse(&call.request.body)?;
            call.trace.passed(Step::Body, "JSON");
            sent
        }
    };
    admission::open(call, &caller, Target::OrderManagement).await?;
    match asked {
        Asked::Image => image::upload(call, &caller, &sent).await,
        Asked::Receipt { kind, order } => add_receipt(call, &caller, kind, order, &sent).await,
        Asked::Category { kind, order } => set_category(call, &caller, kind, order, &sent).await,
        Asked::Order { kind, order } => tell(call, &caller, kind, order).await,
    }
}

async fn add_receipt(
    call: &mut Call<'_>,
    caller: &Caller,
    kind: &str,
    order: &str,
    sent: &Json,
) -> Result<Answer, Why> {
    let mut params = Params::default();
    let name = name(&mut params, kind, order);
    let root = params.root(sent);
    let receipt = root.and_then(|root| receipt::read(&mut params, &root));
    let (name, receipt) = params.into_result(name.zip(receipt))?;
    call.trace.passed(Step::Fields, "all allowed");
    if created_with(call, caller, kind, order).await?.is_some() {
        return Err(Why::OrderManagement(OrderManagementCause::ReceiptExists));
    }
    let id = call.platform.engine.chance.uuid().to_string();
    let told = Told::Receipt {
        id: id.clone(),
        receipt,
    };
    change(call, caller, &name, &told, |before| {
        if before.is_some_and(|it| it.receipt.is_some()) {
            return Err(OrderManagementCause::ReceiptExists);
        }
        Ok(())
    })
    .await?;
    Ok(Answer::new(201, JSON, format!("\"{id}\"")))
}

async fn set_category(
    call: &mut Call<'_>,
    caller: &Caller,
    kind: &str,
    order: &str,
    sent: &Json,
) -> Result<Answer, Why> {
    let mut params = Params::default();
    let name = name(&mut params, kind, order);
    let category = params.root(sent).and_then(|root| {
        let category = params.text(&root, "category", true, &[Rule::OneOf(&CATEGORIES)]);
        let url = params.text(&root, "orderDetailsUrl", true, &[Rule::Url]);
        let image_id = params.text(&root, "imageId", false, &image::ID_RULES);
        Some(Category {
            category: category?,
            order_details_url: url?,
            image_id,
        })
    });
    let (name, category) = params.into_result(name.zip(category))?;
    call.trace.passed(Step::Fields, "all allowed");
    if let Some(image) = &category.image_id {
        image::find(call, caller, image).await?;
    }
    let id = call.platform.engine.chance.uuid().to_string();
    let told = Told::Category {
        id: id.clone(),
        category,
    };
    change(call, caller, &name, &told, |_| Ok(())).await?;
    Ok(Answer::new(200, JSON, format!("\"{id}\"")))
}

/// Notes what was told, unless `may` says why not.
async fn change(
    call: &mut Call<'_>,
    caller: &Caller,
    name: &str,
    told: &Told,
    may: impl Fn(Option<&OrderInfo>) -> Result<(), OrderManagementCause> + Send + Sync,
) -> Result<(), Why> {
    let engine = &call.platform.engine;
    engine
        .change_kept::<OrderInfo, _>(&caller.unit, name, |before, _| {
            may(before).map(|()| told.clone())
        })
        .await?
        .map_err(Why::OrderManagement)?;
    call.trace.passed(Step::Rules, "kept");
    Ok(())
}

async fn tell(
    call: &mut Call<'_>,
    caller: &Caller,
    kind: &str,
    order: &str,
) -> Result<Answer, Why> {
    let mut params = Params::default();
    let name = name(&mut params, kind, order);
    let name = params.into_result(name)?;
    call.trace.passed(Step::Fields, "all allowed");
    let engine = &call.platform.engine;
    let info = engine
        .kept::<OrderInfo>(&caller.unit, &name)
        .await
        .map_err(|error| Why::Fault(error.to_string()))?;
    let mut info = info.unwrap_or_default();
    if info.receipt.is_none() {
        info.receipt = created_with(call, caller, kind, order).await?;
    }
    if info == OrderInfo::default() {
        return Err(Why::OrderManagement(OrderManagementCause::NothingTold));
    }
    call.trace.passed(Step::Rules, "something was told");
    Ok(Answer::new(200, JSON, wire::order(&info)))
}

/// The receipt that a payment of ePayment was created with. It stays with the payment, so that both
/// are made in one commit.
async fn created_with(
    call: &Call<'_>,
    caller: &Caller,
    kind: &str,
    order: &str,
) -> Result<Option<Receipt>, Why> {
    if PaymentType::parse(kind) != Some(PaymentType::Ecom) {
        return Ok(None);
    }
    match call.platform.engine.view(&caller.unit, order).await {
        Ok(view) => Ok(view
            .payment
            .order
            .epayment()
            .and_then(|it| it.receipt.clone())),
        // There is no such payment, or not yet.
        Err(Refused::Because(_)) => Ok(None),
        Err(Refused::Fault(fault)) => Err(Why::Fault(fault)),
    }
}

/// The name under which what is told of an order is kept.
pub fn kept_as(kind: PaymentType, order: &str) -> String {
    format!("{}/{order}", kind.name())
}

fn name(params: &mut Params, kind: &str, order: &str) -> Option<String> {
    let known = PaymentType::parse(kind);
    if known.is_none() {
        let reason = "The value is not valid for PaymentType.";
        let detail = format!("received {kind:?}");
        params.fault("paymentType", reason, "request.unknown_value", detail);
    }
    if !is_id(order) {
        let reason = format!("The field OrderId must match the regular expression '{ID}'.");
        let detail = format!("received {order:?}");
        params.fault("orderId", reason, "request.pattern", detail);
    }
    Some(kept_as(known?, order))
}

/// [`ID`], and no longer than a key of a database may be; the documents give no length.
fn is_id(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&it);
    (1..=LONGEST_ID).contains(&text.len()) && text.chars().all(allowed)
}

const LONGEST_ID: usize = 255;
