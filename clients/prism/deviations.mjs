// Where an official OpenAPI document contradicts recorded answers of the real platform. The platform wins; a row that
// the flow no longer meets must go.
//
// Rows: the exchange (as `driver.mjs` names it), the violation (place, a colon, Prism's message), the reason.
export const DEVIATIONS = [
  [
    /^token$/, /media type "application\/json; charset=utf-8" does not match/,
    'the answer recorded on 2021-07-09 spells it so: a blank, and lower case'
  ],
  [
    /^token/, /access_token.* must match (pattern|format)/,
    'the pattern of the document has neither "." nor "-", but the token is a JWT'
  ]
]
