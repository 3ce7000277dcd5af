//! The numbered checks of the reference, over bytes in and bytes out. One binary, because linking
//! fifty of them would take longer than running them.

#![expect(clippy::indexing_slicing, reason = "what is not there fails the test")]

mod access_token;
mod access_token_errors;
mod access_token_hostile;
mod access_token_keys;
mod access_token_miami;
mod ecom_callbacks;
mod ecom_cancel;
mod ecom_capture;
mod ecom_capture_late;
mod ecom_capture_repeat;
mod ecom_concurrency;
mod ecom_courier;
mod ecom_details;
mod ecom_details_people;
mod ecom_errors;
mod ecom_express;
mod ecom_force_approve;
mod ecom_initiate;
mod ecom_initiate_express;
mod ecom_initiate_fields;
mod ecom_initiate_precedence;
mod ecom_initiate_rules;
mod ecom_initiate_types;
mod ecom_initiate_urls;
mod ecom_locked;
mod ecom_numbers;
mod ecom_outcome;
mod ecom_outcome_cards;
mod ecom_refund;
mod ecom_shipping;
mod ecom_status;
mod ecom_wording;
mod faq_400;
mod faq_401_mixes;
mod faq_401_regenerate;
mod faq_401_tokens;
mod faq_403_404;
mod faq_429;
mod faq_500;
mod faq_stage;
mod hostile_input;
mod platform_fields;
mod platform_gate;
mod platform_link;
mod platform_order_of_checks;
mod platform_persons;
mod platform_routes;
mod platform_test_amounts;
mod platform_units;
mod userinfo;
mod userinfo_refusals;
