//! The cryptography of SQLCipher in Rust, for builds that must not carry OpenSSL: on Android there is none to link, and
//! a copy of it is larger than the rest of the core.
//!
//! SQLCipher calls a table of functions, its provider. A build with
//! `LIBSQLITE3_FLAGS=-DSQLCIPHER_CRYPTO_CUSTOM=xunge_sqlcipher_setup` asks [`xunge_sqlcipher_setup`] for it. The files
//! are the same byte for byte as those of the stock library: AES-256-CBC, HMAC-SHA-512, PBKDF2-HMAC-SHA-512. The
//! algorithms of SQLCipher before version 4 (SHA-1, SHA-256) are refused: no file of this product has them.
//!
//! Every function takes pointers from C. Each `unsafe` block names what SQLCipher promises about them.

mod primitives;
mod provider;

pub use provider::{Provider, xunge_sqlcipher_setup};
