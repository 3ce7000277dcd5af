//! What the Business register said of a merchant.

use super::*;

/// FAQ-76 and FAQ-77.
#[tokio::test]
async fn faq_76_faq_77_plat_31_plat_32_the_explanation_quotes_the_register() {
    let day = jiff::civil::date(2023, 6, 1);
    for (form, deleted_on, told) in [
        ("AS", Some(day), "was deleted on 2023-06-01"),
        ("ENK", None, "has the form ENK"),
    ] {
        let world = World::new().await;
        let shop = world.shop(|_| {}).await;
        let orgno = shop.unit().facts.merchant.clone();
        world.learn(&orgno, form, deleted_on).await;
        let inspector = watching(&world);
        let body = shop.initiate_body("acme-1", 49_900);
        let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
        let address = refused(&inspector, &ask).await.expect("refused");
        let reader = Reader::Keys(shop.keys().client_id);
        let explanation = inspector.explain(&address, &reader).await.unwrap();
        let says = explanation.remedy.says;
        let link = format!("{PORTAL}/merchants/test/{}", orgno.0);
        for part in [told, &link, "All sales units", "agreement"] {
            assert!(says.contains(part), "{part}: {says}");
        }
    }
}
