//! The frame of the portal: who sees pages, and how they are sent.

use crate::{portal::visitors::Role, testing::House};

#[tokio::test]
async fn who_is_not_signed_in_is_sent_to_sign_in_and_back() {
    let house = House::new().await;
    let nobody = house.guest(None);
    let front = nobody.get("/").await;
    assert_eq!(front.status, 200);
    assert!(front.html.contains("Sign in") && !front.html.contains("Sign out"));
    let policy = front.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(front.headers["x-frame-options"], "DENY");
    let reader = house.guest(Some(Role::Reader));
    assert!(reader.get("/").await.html.contains("Kari Nordmann"));
    let out = reader.post("/sign-out", &[]).await;
    assert_eq!(
        (out.status, &out.headers["location"]),
        (303, &"/".parse().unwrap())
    );
    assert!(!reader.get("/").await.html.contains("Kari Nordmann"));
}
