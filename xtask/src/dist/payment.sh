# A payment with the keys of the environment; prints its details.
token=$(curl -sS --fail -X POST "$BASE_URL/accesstoken/get" -H "client_id: $CLIENT_ID" -H "client_secret: $CLIENT_SECRET" \
  -H "Ocp-Apim-Subscription-Key: $SUBSCRIPTION_KEY" -d '' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
call() {
  curl -sS --fail "$@" -H "Authorization: Bearer $token" -H "Ocp-Apim-Subscription-Key: $SUBSCRIPTION_KEY" \
    -H 'Content-Type: application/json'
}
call -X POST "$BASE_URL/ecomm/v2/payments" -o /dev/null -d '{
  "customerInfo": { "mobileNumber": "'"${PHONE#47}"'" },
  "merchantInfo": { "merchantSerialNumber": "'"$MSN"'", "callbackPrefix": "https://example.com/callback",
                    "fallBack": "https://example.com/thanks" },
  "transaction": { "orderId": "order-1", "amount": 49900, "transactionText": "One pair of socks" } }'
call -X POST "$BASE_URL/ecomm/v2/integration-test/payments/order-1/approve" -o /dev/null -d '{}'
call "$BASE_URL/ecomm/v2/payments/order-1/details"
