//! The causes that the FAQ names for a call, in its own order (reference: errors-faq.md).

/// Something that is wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    ClientUnknown,
    AmountTooLow,
    UrlScheme,
    UrlLocal,
    UrlSyntax,
    UrlDns,
    CaptureExceeds,
    CapturesExceed,
    RefundExceeds,
    RefundsExceed,
    PhoneFormat,
    PersonUnknown,
    PersonTooYoung,
    PhoneForeign,
    KeyMissing,
    KeyUnknown,
    KeyWithoutProduct,
    KeyOfAnother,
    TokenMissing,
    TokenMalformed,
    TokenAltered,
    TokenExpired,
    NoBearer,
    BearerInSmallLetters,
    ClientOfAnother,
    SecretWrong,
    MsnOfAnother,
    HeaderMisspelt,
    KeyOfEnvironment,
    TokenOfEnvironment,
    MsnOfEnvironment,
    SecretRegenerated,
    KeyRegenerated,
    LoginOnly,
    PartnerWithoutMsn,
    PartnerNotLinked,
    PartnerHeader,
    PartnerMsnOfEnvironment,
    TooManyCreates,
    TooManyCaptures,
    TooManyReads,
    RouteUnknown,
    MethodUnknown,
    OrderUnknown,
    OrderOfAnother,
    PlatformFault,
    JsonSyntax,
    MsnAsNumber,
    AmountWithFraction,
    MemberCase,
    SqlGlitch,
    DeletedFromRegister,
    FormChanged,
    UnitDeactivated,
    PartnerDeactivated,
    NoTestUser,
    NeverLoggedIn,
}

/// A cause as the page has it.
pub(super) struct Named {
    pub(super) cause: Cause,
    /// Rows of errors-faq.md.
    pub(super) faq: &'static str,
    /// The seed's question.
    pub(super) question: &'static str,
    pub(super) says: &'static str,
}

const WHY_400: &str = "Why do I get `HTTP 400 Bad Request`?";
const WHY_401: &str = "Why do I get `HTTP 401 Unauthorized`?";
const WHY_403: &str = "Why do I get `HTTP 403 Forbidden`?";
const WHY_429: &str = "Why do I get `HTTP 429 Too Many Requests`?";
const WHY_404: &str = "Why do I get `HTTP 404 Not Found`, or `Requested Order not found`?";
const WHY_500: &str = "Why do I get `HTTP 500 Internal Server Error`?";
const WHY_37: &str = "Why do I get `Merchant not available or deactivated or blocked`?";
const WHY_PERSON: &str = "Why must the user have Vipps and be at least 15 years old?";

const fn named(
    question: &'static str,
    faq: &'static str,
    cause: Cause,
    says: &'static str,
) -> Named {
    Named {
        cause,
        faq,
        question,
        says,
    }
}

use Cause::*;

pub(super) const ALL: [Named; 57] = [
    named(WHY_400, "FAQ-02", ClientUnknown, "`client_id` is nobody's"),
    named(WHY_400, "FAQ-03", AmountTooLow, "The amount is too low"),
    named(WHY_400, "FAQ-04", UrlScheme, "A URL with `http`"),
    named(
        WHY_400,
        "FAQ-05",
        UrlLocal,
        "A URL on a local or private host",
    ),
    named(WHY_400, "FAQ-06", UrlSyntax, "A URL that is none"),
    named(
        WHY_400,
        "FAQ-07",
        UrlDns,
        "A URL whose host DNS does not know",
    ),
    named(
        WHY_400,
        "FAQ-08",
        CaptureExceeds,
        "A capture of more than was reserved",
    ),
    named(
        WHY_400,
        "FAQ-09",
        CapturesExceed,
        "Captures that together are more than was reserved",
    ),
    named(
        WHY_400,
        "FAQ-10",
        RefundExceeds,
        "A refund of more than was captured",
    ),
    named(
        WHY_400,
        "FAQ-11",
        RefundsExceed,
        "Refunds that together are more than was captured",
    ),
    named(
        WHY_400,
        "FAQ-12, FAQ-90",
        PhoneFormat,
        "A phone number in a bad format",
    ),
    named(
        WHY_400,
        "FAQ-13, FAQ-93",
        PersonUnknown,
        "The phone number of no user",
    ),
    named(
        WHY_400,
        "FAQ-14, FAQ-92",
        PersonTooYoung,
        "The phone number of somebody under 15",
    ),
    named(
        WHY_400,
        "FAQ-15",
        PhoneForeign,
        "A phone number that is not Norwegian",
    ),
    named(
        WHY_401,
        "FAQ-16",
        KeyMissing,
        "No `Ocp-Apim-Subscription-Key`",
    ),
    named(
        WHY_401,
        "FAQ-17",
        KeyUnknown,
        "A subscription key that is nobody's",
    ),
    named(
        WHY_401,
        "FAQ-18",
        KeyWithoutProduct,
        "The key of a unit without this API product",
    ),
    named(
        WHY_401,
        "FAQ-19, FAQ-28, FAQ-29, FAQ-34",
        KeyOfAnother,
        "The subscription key of another unit",
    ),
    named(WHY_401, "FAQ-20", TokenMissing, "No access token"),
    named(
        WHY_401,
        "FAQ-21",
        TokenMalformed,
        "An access token that is none",
    ),
    named(
        WHY_401,
        "FAQ-22",
        TokenAltered,
        "An access token that was altered",
    ),
    named(
        WHY_401,
        "FAQ-23, FAQ-33",
        TokenExpired,
        "An access token that has expired",
    ),
    named(WHY_401, "FAQ-24", NoBearer, "A token without `Bearer`"),
    named(
        WHY_401,
        "FAQ-25",
        BearerInSmallLetters,
        "`bearer` in lower case",
    ),
    named(
        WHY_401,
        "FAQ-26",
        ClientOfAnother,
        "`client_id` and `client_secret` of another unit",
    ),
    named(WHY_401, "FAQ-27", SecretWrong, "A wrong `client_secret`"),
    named(
        WHY_401,
        "FAQ-31, FAQ-34",
        MsnOfAnother,
        "The MSN of another unit",
    ),
    named(
        WHY_401,
        "FAQ-35",
        HeaderMisspelt,
        "`Ocp-Apim-SubscriptionKey`, a header misspelt",
    ),
    named(
        WHY_401,
        "FAQ-37, FAQ-38, FAQ-98, FAQ-100",
        KeyOfEnvironment,
        "The subscription key of the other environment",
    ),
    named(
        WHY_401,
        "FAQ-37, FAQ-38",
        TokenOfEnvironment,
        "The access token of the other environment",
    ),
    named(
        WHY_401,
        "FAQ-39, FAQ-98",
        MsnOfEnvironment,
        "The MSN of the other environment",
    ),
    named(
        WHY_401,
        "FAQ-46",
        SecretRegenerated,
        "A `client_secret` that was regenerated",
    ),
    named(
        WHY_401,
        "FAQ-47",
        KeyRegenerated,
        "A subscription key that was regenerated",
    ),
    named(
        WHY_403,
        "FAQ-50, FAQ-87, FAQ-88",
        LoginOnly,
        "A unit that is approved for Login only",
    ),
    named(
        WHY_403,
        "FAQ-41, FAQ-42, FAQ-52, FAQ-102, FAQ-103",
        PartnerWithoutMsn,
        "Partner keys without `Merchant-Serial-Number`",
    ),
    named(
        WHY_403,
        "FAQ-53, FAQ-97",
        PartnerNotLinked,
        "Partner keys, and a unit of somebody else",
    ),
    named(
        WHY_403,
        "FAQ-99",
        PartnerHeader,
        "Partner keys, and no number in the header",
    ),
    named(
        WHY_403,
        "FAQ-101",
        PartnerMsnOfEnvironment,
        "Partner keys, and an MSN of the other environment",
    ),
    named(
        WHY_429,
        "FAQ-54",
        TooManyCreates,
        "One payment created too often in a minute",
    ),
    named(
        WHY_429,
        "FAQ-55",
        TooManyCaptures,
        "One payment captured too often in a minute",
    ),
    named(
        WHY_429,
        "FAQ-56",
        TooManyReads,
        "One payment read too often in a minute",
    ),
    named(
        WHY_404,
        "FAQ-59, FAQ-62",
        RouteUnknown,
        "A path that does not exist",
    ),
    named(
        WHY_404,
        "FAQ-60, FAQ-112",
        MethodUnknown,
        "A method that does not exist",
    ),
    named(
        WHY_404,
        "FAQ-73",
        OrderUnknown,
        "An order, or another thing, that does not exist",
    ),
    named(
        WHY_404,
        "FAQ-32, FAQ-61, FAQ-74, FAQ-111",
        OrderOfAnother,
        "An order, or another thing, of another unit",
    ),
    named(WHY_500, "FAQ-63", PlatformFault, "The platform's own fault"),
    named(
        WHY_500,
        "FAQ-64",
        JsonSyntax,
        "A body that is not valid JSON",
    ),
    named(
        WHY_500,
        "FAQ-65",
        MsnAsNumber,
        "`merchantSerialNumber` as a number",
    ),
    named(
        WHY_500,
        "FAQ-66",
        AmountWithFraction,
        "An amount that is no integer",
    ),
    named(
        WHY_500,
        "FAQ-67, FAQ-68",
        MemberCase,
        "A member in the wrong case, as `fallback`",
    ),
    named(
        WHY_500,
        "FAQ-71",
        SqlGlitch,
        "A glitch of the test environment's database",
    ),
    named(
        WHY_37,
        "FAQ-76",
        DeletedFromRegister,
        "The organisation was deleted from its register",
    ),
    named(
        WHY_37,
        "FAQ-77",
        FormChanged,
        "The organisation changed its form",
    ),
    named(
        WHY_37,
        "FAQ-78",
        UnitDeactivated,
        "The merchant deactivated the unit",
    ),
    named(
        WHY_37,
        "FAQ-84",
        PartnerDeactivated,
        "The partner is deactivated",
    ),
    named(
        WHY_PERSON,
        "FAQ-95",
        NoTestUser,
        "A real user's number in the test environment",
    ),
    named(
        WHY_PERSON,
        "FAQ-96",
        NeverLoggedIn,
        "A test user who never logged in to the app, approved by force",
    ),
];
