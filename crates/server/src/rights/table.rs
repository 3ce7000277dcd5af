//! The table itself. A route is its method and its path as the router knows it; a `*` at the end
//! stands for anything.

use super::Need::{self, Anyone, AtLeast};
use crate::portal::visitors::Role::{Admin, Developer, Reader};

/// Who may use which routes. Of two that fit, the first one counts.
pub(super) const RULES: [(Need, &[&str]); 4] = [
    (Anyone, ANYONE),
    (AtLeast(Reader), READER),
    (AtLeast(Developer), DEVELOPER),
    (AtLeast(Admin), ADMIN),
];

/// What tells nothing about anybody, signs people in, or is the phone of the test environment.
const ANYONE: &[&str] = &[
    "GET /",
    "GET /assets/*",
    "GET /dwo-api-application/style.css",
    "GET /sign-in",
    "POST /sign-in",
    "GET /bankid/{id}",
    "POST /bankid/{id}",
    "GET /catalogue*",
    "GET /status*",
    "GET /phone*",
    "POST /phone*",
    "GET /enhetsregisteret/api/enheter/{orgno}",
];

/// Looking.
const READER: &[&str] = &[
    "GET /sign-in/again",
    "POST /sign-in/again",
    "POST /sign-out",
    "GET /control/v1/openapi.json",
    "GET /control/v1/compatibility",
    "GET /control/v1/explanations/{id}",
    "GET /control/v1/faults",
    "GET /control/v1/merchants",
    "GET /control/v1/merchants/{environment}/{orgno}",
    "GET /control/v1/office-keys",
    "GET /control/v1/outgoing-calls/{environment}/{msn}",
    "GET /control/v1/partners",
    "GET /control/v1/partners/{environment}/{id}",
    "GET /control/v1/payments/{environment}/{msn}",
    "GET /control/v1/payments/{environment}/{msn}/{order_id}",
    "GET /control/v1/payments/{environment}/{msn}/{order_id}/wait",
    "GET /control/v1/persons",
    "GET /control/v1/persons/{environment}/{phone}",
    "GET /control/v1/psps",
    "GET /control/v1/psps/{environment}/{id}",
    "GET /control/v1/register/{orgno}",
    "GET /control/v1/requests",
    "GET /control/v1/requests/{id}",
    "GET /control/v1/sales-units",
    "GET /control/v1/sales-units/{environment}/{msn}",
];

/// Changing what the platform holds, acting for persons, and seeing a sales unit's keys.
const DEVELOPER: &[&str] = &[
    "GET /control/v1/env",
    "POST /control/v1/bankid",
    "GET /control/v1/bankid/{id}",
    "POST /control/v1/bankid/{id}/confirm",
    "POST /control/v1/faults",
    "DELETE /control/v1/faults",
    "DELETE /control/v1/faults/{id}",
    "PATCH /control/v1/merchants/{environment}/{orgno}",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/approve",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/choose-address",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/enter-3d-secure",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/leave-landing-page",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/open",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/reject",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/show",
    "POST /control/v1/payments/{environment}/{msn}/{order_id}/time-out",
    "POST /control/v1/persons",
    "PATCH /control/v1/persons/{environment}/{phone}",
    "POST /control/v1/persons/{environment}/{phone}/revoke",
    "POST /control/v1/sales-units",
    "PATCH /control/v1/sales-units/{environment}/{msn}",
    "POST /control/v1/sales-units/{environment}/{msn}/advance",
    "POST /control/v1/sales-units/{environment}/{msn}/deactivate",
    "POST /control/v1/sales-units/{environment}/{msn}/reactivate",
    "GET /control/v1/sales-units/{environment}/{msn}/keys",
    "POST /control/v1/sales-units/{environment}/{msn}/keys/{key}/regenerate",
    "POST /control/v1/sales-units/{environment}/{msn}/orders",
    "POST /control/v1/sales-units/{environment}/{msn}/orders/{product}/approve",
    "PUT /control/v1/sales-units/{environment}/{msn}/partner",
    "DELETE /control/v1/sales-units/{environment}/{msn}/partner",
];

/// Who else may, keys that open more than one sales unit, and what concerns everybody.
const ADMIN: &[&str] = &[
    "GET /users",
    "POST /users",
    "POST /users/{id}",
    "POST /users/{id}/remove",
    "POST /users/tokens",
    "POST /users/tokens/{id}/revoke",
    "GET /audit",
    "GET /control/v1/audit",
    "GET /control/v1/users",
    "POST /control/v1/users",
    "GET /control/v1/users/{id}",
    "PATCH /control/v1/users/{id}",
    "DELETE /control/v1/users/{id}",
    "GET /control/v1/tokens",
    "POST /control/v1/tokens",
    "DELETE /control/v1/tokens/{id}",
    "POST /control/v1/office-keys",
    "GET /control/v1/office-keys/{environment}/{client_id}",
    "POST /control/v1/partners",
    "PATCH /control/v1/partners/{environment}/{id}",
    "GET /control/v1/partners/{environment}/{id}/keys",
    "POST /control/v1/partners/{environment}/{id}/keys/{key}/regenerate",
    "POST /control/v1/psps",
    "GET /control/v1/psps/{environment}/{id}/keys",
    "POST /control/v1/psps/{environment}/{id}/keys/{key}/regenerate",
    "PUT /control/v1/register/{orgno}",
    "POST /control/v1/register/check",
    "POST /control/v1/reset",
];
