//! tmp
use std::borrow::Cow;
/// tmp
pub fn clean(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
