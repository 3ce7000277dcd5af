//! What is the same of every operation, for the OpenAPI document.

use utoipa::openapi::{
    ContentBuilder, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder, path::Operation,
};

const BAD_REQUEST: &str = "400";

/// Whatever takes something may be given something else: a path, a query or a body that is not as described.
pub(super) fn complete(document: &mut OpenApi) {
    let items = document.paths.paths.values_mut();
    for operation in items.flat_map(operations) {
        let takes = operation.parameters.is_some() || operation.request_body.is_some();
        let responses = &mut operation.responses.responses;
        if takes && !responses.contains_key(BAD_REQUEST) {
            responses.insert(BAD_REQUEST.to_owned(), RefOr::T(not_as_described()));
        }
    }
}

fn not_as_described() -> Response {
    let problem = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(problem)).build();
    ResponseBuilder::new()
        .description("The path, the query or the body is not as described")
        .content("application/problem+json", content)
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ];
    all.into_iter().flatten()
}
