//! Records and enums that repeat a type of the core field by field.

/// A record made from a value of the core: `Name from core::Name as value { field: Type = value.field }`.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident from $core:ty as $value:tt { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $from:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, uniffi::Record)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }
        impl From<$core> for $name {
            fn from($value: $core) -> Self {
                Self { $($field: $from,)* }
            }
        }
    };
}

/// An enum made from a value of the core, each variant from a pattern: `Name { field: Type = value } from pattern`.
macro_rules! variants {
    ($(#[$doc:meta])* $name:ident from $core:ty {
        $($(#[$variant_doc:meta])* $variant:ident $({ $($field:ident: $kind:ty = $value:expr,)* })? from $pattern:pat,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, uniffi::Enum)]
        pub enum $name { $($(#[$variant_doc])* $variant $({ $($field: $kind,)* })?,)* }
        impl From<$core> for $name {
            fn from(core: $core) -> Self {
                match core {
                    $($pattern => Self::$variant $({ $($field: $value,)* })?,)*
                }
            }
        }
    };
}

/// Ids and codes: a text for uniffi, a type of its own in each language (`uniffi.toml`).
macro_rules! text_type {
    ($($name:ident),* $(,)?) => {$(
        uniffi::custom_type!($name, String, {
            remote,
            lower: |id| id.to_string(),
            try_lift: |text| text.parse().map_err(|_| uniffi::deps::anyhow::anyhow!(concat!("not a ", stringify!($name)))),
        });
    )*};
}

/// A known value, or the text of one that this version does not know.
macro_rules! open {
    ($(#[$doc:meta])* $name:ident from $core:ident { $($variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
        pub enum $name {
            $($variant,)*
            /// A value that this version does not know; show its text.
            Other { text: String },
        }
        impl From<Open<$core>> for $name {
            fn from(open: Open<$core>) -> Self {
                match open {
                    $(Open::Known($core::$variant) => Self::$variant,)*
                    Open::Other(text) => Self::Other { text },
                }
            }
        }
    };
}

/// Calls of an object, one line each: `name(argument: Type) -> Type = value`.
macro_rules! calls {
    ($this:ident: $object:ident, $($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) -> $out:ty = $value:expr;)*) => {
        #[uniffi::export]
        impl $object {$(
            $(#[$doc])*
            pub fn $name(&$this, $($arg: $kind),*) -> crate::errors::Result<$out> {
                Ok($value)
            }
        )*}
    };
}

/// Setters of a draft, each named after what it sets: `name: Type`.
macro_rules! setters {
    ($draft:ident { $($(#[$doc:meta])* $name:ident: $kind:ty,)* }) => {
        #[uniffi::export]
        impl $draft {$(
            $(#[$doc])*
            pub fn $name(&self, $name: $kind) {
                self.it().$name($name);
            }
        )*}
    };
}
