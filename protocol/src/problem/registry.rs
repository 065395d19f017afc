//! The macro for the three lists of codes: an enum whose rows are data.

/// An enum of error codes. A row is `Variant = "code", ProblemClass, Chinese words, English words;`.
macro_rules! error_codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $class:ident, $zh:literal, $en:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }
        impl $name {
            /// Every code, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The stable dotted text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }
            /// How a program that receives the code reacts to it.
            pub const fn class(self) -> $crate::problem::class::ProblemClass {
                match self { $(Self::$variant => $crate::problem::class::ProblemClass::$class),* }
            }
            /// What happened and what to do, in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),* }
            }
            /// What happened and what to do, in English.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$variant => $en),* }
            }
            /// Returns the code with this text, `None` if this list does not contain it.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$variant),)* _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(super) use error_codes;
