//! Pictures: uploaded once, checked, and used by any order of the sales unit.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use imagesize::{ImageType, blob_size, image_type};
use sandkasse_domain::order_info::{Image, Uploaded};
use sandkasse_gate::{Caller, Step};
use serde::Serialize;

use super::{ID, OrderManagementCause, is_id};
use crate::{
    Answer, Call, Why,
    json::Json,
    params::{JSON, Params, Rule},
};

/// What the id of a picture must be: WooCommerce sends 128 hexadecimal digits.
pub(super) const ID_RULES: [Rule<'_>; 2] = [Rule::Most(128), Rule::Pattern(ID, is_id)];
/// Pixels; since November 2023.
const LEAST_HEIGHT: usize = 167;
/// 2 MB.
const MOST_BYTES: usize = 2 * 1024 * 1024;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    image_id: &'a str,
}

pub(super) async fn upload(
    call: &mut Call<'_>,
    caller: &Caller,
    sent: &Json,
) -> Result<Answer, Why> {
    let any_height = caller.unit.facts.low_images;
    let mut params = Params::default();
    let read = params.root(sent).and_then(|root| {
        let id = params.text(&root, "imageId", true, &ID_RULES);
        let file = params.text(&root, "src", true, &[]);
        let _base64 = params.text(&root, "type", true, &[Rule::OneOf(&["base64"])]);
        let file = file?;
        match looked_at(&file, any_height) {
            Ok(image) => Some((id?, Uploaded { image, file })),
            Err((reason, detail)) => {
                params.fault("src", reason, "order_info.image", detail);
                None
            }
        }
    });
    let (id, uploaded) = params.into_result(read)?;
    call.trace.passed(Step::Fields, "all allowed");
    let engine = &call.platform.engine;
    engine
        .change_kept::<Image, _>(&caller.unit, &id, |before, _| match before {
            Some(_) => Err(OrderManagementCause::ImageExists),
            None => Ok(uploaded.clone()),
        })
        .await?
        .map_err(Why::OrderManagement)?;
    call.trace.passed(Step::Rules, "kept");
    let body = serde_json::to_string(&Kept { image_id: &id });
    let body = body.expect("plain structs always serialise");
    Ok(Answer::new(200, JSON, body))
}

/// What is said of a file that is no picture for us, and what it is. WooCommerce looks for the
/// words `height` and `size`.
fn looked_at(file: &str, any_height: bool) -> Result<Image, (String, String)> {
    let no = |reason: &str, detail: String| Err((reason.to_owned(), detail));
    let Ok(bytes) = STANDARD.decode(file) else {
        return no(
            "The field Src is not a valid Base64 encoding.",
            format!("{} characters", file.len()),
        );
    };
    if bytes.len() > MOST_BYTES {
        return no(
            "The size of the image must be at most 2 MB.",
            format!("{} bytes", bytes.len()),
        );
    }
    let media_type = match image_type(&bytes) {
        Ok(ImageType::Png) => "image/png",
        Ok(ImageType::Jpeg) => "image/jpeg",
        Ok(_) | Err(_) => {
            return no(
                "The image must be in PNG or JPEG format.",
                format!("{} bytes of something else", bytes.len()),
            );
        }
    };
    let Ok(size) = blob_size(&bytes) else {
        return no(
            "The image must be in PNG or JPEG format.",
            format!("{} bytes, cut off", bytes.len()),
        );
    };
    if size.height < LEAST_HEIGHT && !any_height {
        return no(
            "The height of the image must be at least 167 pixels.",
            format!("{} pixels high", size.height),
        );
    }
    Ok(Image {
        media_type: media_type.to_owned(),
        width: size.width,
        height: size.height,
    })
}

/// The picture of this id.
pub(super) async fn find(call: &Call<'_>, caller: &Caller, id: &str) -> Result<Image, Why> {
    let engine = &call.platform.engine;
    engine
        .kept::<Image>(&caller.unit, id)
        .await
        .map_err(|error| Why::Fault(error.to_string()))?
        .ok_or(Why::OrderManagement(OrderManagementCause::ImageUnknown))
}
