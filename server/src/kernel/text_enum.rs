//! Enums of unit variants that only the server has: one stable text each, in the database, on the wire and in logs.

/// As [`protocol::text_enum`], for enums that only the server has; each is described in the API.
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        protocol::text_enum_values! { $(#[$doc])* pub enum $name { $($(#[$vdoc])* $variant = $text),* } }
        protocol::text_enum_schema! { $name $($text)* }
    };
}
