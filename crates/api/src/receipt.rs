//! Receipts as they are sent: the same members in every API that takes one (reference:
//! order-management.md §2).

use sandkasse_domain::receipt::{
    Barcode, BottomLine, OrderLine, PaymentSources, Receipt, UnitInfo,
};

use crate::params::{Params, Place, Rule};

const CURRENCIES: [&str; 3] = ["NOK", "DKK", "EUR"];
const UNITS: [&str; 6] = ["PCS", "KG", "KM", "MINUTE", "LITRE", "KWH"];
const BARCODES: [&str; 3] = ["EAN-13", "CODE 39", "CODE 128"];
const QUANTITY: &str = r"^\d+([\.]\d{1,8})?$";
/// Amounts are 64 bits wide, and since August 2022 not negative.
const AMOUNT: (i64, i64) = (0, i64::MAX);
const ANY_AMOUNT: (i64, i64) = (i64::MIN, i64::MAX);

/// Reads `orderLines` and `bottomLine`. Deprecated members of the bottom line (`totalAmount`,
/// `shippingInfo` …) are accepted and mean nothing: WooCommerce still sends them.
pub(crate) fn read(params: &mut Params, receipt: &Place<'_>) -> Option<Receipt> {
    read_with(params, receipt, "bottomLine")
}

/// The same where the bottom line has another name.
pub(crate) fn read_with(
    params: &mut Params,
    receipt: &Place<'_>,
    bottom_line: &str,
) -> Option<Receipt> {
    let lines = params.objects(receipt, "orderLines");
    let order_lines: Vec<OrderLine> = lines.iter().filter_map(|it| line(params, it)).collect();
    let bottom_line = params
        .object(receipt, bottom_line, true)
        .and_then(|it| bottom(params, &it));
    Some(Receipt {
        order_lines,
        bottom_line: bottom_line?,
    })
}

fn line(params: &mut Params, of: &Place<'_>) -> Option<OrderLine> {
    let name = params.text(of, "name", true, &[]);
    let id = params.text(of, "id", true, &[]);
    let total = params.integer(of, "totalAmount", true, AMOUNT);
    let without_tax = params.integer(of, "totalAmountExcludingTax", true, AMOUNT);
    let tax = params.integer(of, "totalTaxAmount", true, AMOUNT);
    let tax_percentage = params.integer(of, "taxPercentage", false, (0, 100));
    let tax_rate = params.integer(of, "taxRate", false, (0, 10_000));
    // One of the two was always required; which one changed in 2024.
    if !of.has("taxPercentage") && !of.has("taxRate") {
        params.missing(of, "taxRate");
    }
    let unit_info = params
        .object(of, "unitInfo", false)
        .and_then(|it| unit(params, &it));
    let discount = params.integer(of, "discount", false, AMOUNT);
    let product_url = params.text(of, "productUrl", false, &[]);
    let is_return = params.boolean(of, "isReturn");
    let is_shipping = params.boolean(of, "isShipping");
    Some(OrderLine {
        name: name?,
        id: id?,
        total_amount: total?,
        total_amount_excluding_tax: without_tax?,
        total_tax_amount: tax?,
        tax_percentage,
        tax_rate,
        unit_info,
        discount,
        product_url,
        is_return,
        is_shipping,
    })
}

fn unit(params: &mut Params, of: &Place<'_>) -> Option<UnitInfo> {
    let price = params.integer(of, "unitPrice", true, AMOUNT);
    let rules = [Rule::Most(10), Rule::Pattern(QUANTITY, is_quantity)];
    let quantity = params.text(of, "quantity", true, &rules);
    let unit = params.text(of, "quantityUnit", false, &[Rule::OneOf(&UNITS)]);
    Some(UnitInfo {
        unit_price: price?,
        quantity: quantity?,
        quantity_unit: unit.unwrap_or_else(|| "PCS".to_owned()),
    })
}

/// [`QUANTITY`].
fn is_quantity(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    match text.split_once('.') {
        None => digits(text),
        Some((whole, rest)) => digits(whole) && digits(rest) && rest.len() <= 8,
    }
}

fn bottom(params: &mut Params, of: &Place<'_>) -> Option<BottomLine> {
    let currency = params.text(of, "currency", true, &[Rule::OneOf(&CURRENCIES)]);
    let tip_amount = params.integer(of, "tipAmount", false, AMOUNT);
    let pos_id = params.text(of, "posId", false, &[]);
    let terminal_id = params.text(of, "terminalId", false, &[]);
    let payment_sources = params.object(of, "paymentSources", false).map(|it| {
        let mut source = |name| params.integer(&it, name, false, ANY_AMOUNT);
        PaymentSources {
            gift_card: source("giftCard"),
            card: source("card"),
            voucher: source("voucher"),
            cash: source("cash"),
        }
    });
    let barcode = params.object(of, "barcode", false).and_then(|it| {
        let format = params.text(&it, "format", true, &[Rule::OneOf(&BARCODES)]);
        let data = params.text(&it, "data", true, &[]);
        Some(Barcode {
            format: format?,
            data: data?,
        })
    });
    let receipt_number = params.text(of, "receiptNumber", false, &[]);
    Some(BottomLine {
        currency: currency?,
        tip_amount,
        pos_id,
        terminal_id,
        payment_sources,
        barcode,
        receipt_number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_decimal_numbers() {
        for (text, fine) in [
            ("1", true),
            ("2.5", true),
            ("0.822", true),
            ("1.12345678", true),
            ("1.123456789", false),
            ("1.", false),
            (".5", false),
            ("abc", false),
            ("-1", false),
            ("1,5", false),
        ] {
            assert_eq!(is_quantity(text), fine, "{text}");
        }
    }
}
