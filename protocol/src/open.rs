//! Extensible values: a known value, or the text of a newer peer, kept unchanged.
//!
//! A new role or state from the server never breaks an older handset's sync (failure story 20): the handset shows it
//! as its text and passes it on unchanged.

use serde::{Deserialize, Serialize};

/// A value of `T`, or a text that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Open<T> {
    Known(T),
    Other(String),
}

impl<T> Open<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}
impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// Declares an enum of unit variants with one stable text each. The text is on the wire, in the database and in logs.
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $crate::text_enum_values! { $(#[$doc])* pub enum $name { $($(#[$vdoc])* $variant = $text),* } }
        #[cfg(feature = "openapi")]
        $crate::text_enum_schema! { $name $($text)* }
    };
}

/// [`text_enum`] without its OpenAPI schema.
#[macro_export]
macro_rules! text_enum_values {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),*
        }
        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::open::UnknownText;
            fn from_str(text: &str) -> Result<Self, $crate::open::UnknownText> {
                match text { $($text => Ok(Self::$variant),)* _ => Err($crate::open::UnknownText { of: stringify!($name), text: text.chars().take(64).collect() }) }
            }
        }
    };
}

/// The OpenAPI schema of a [`text_enum`], written by hand: utoipa's derive cannot read a macro's literals and would
/// list the Rust names.
#[macro_export]
macro_rules! text_enum_schema {
    ($name:ident $($text:literal)*) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text),*]))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

/// The text does not name a value of the enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {of}")]
pub struct UnknownText {
    pub of: &'static str,
    pub text: String,
}
