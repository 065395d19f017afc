//! `Content-Encoding: xunge-1`: a push as the server receives it, and an answer as the handset receives it.
#![no_main]
use protocol::{
    coding::Words,
    ids::{PersonId, PostId, StreamId},
    photo::Sha256,
};

const MOST: usize = 64 * 1024;

libfuzzer_sys::fuzz_target!(|packed: &[u8]| {
    let ten = [7; 10];
    let words = Words::of(
        StreamId::from_parts(1, ten),
        PersonId::from_parts(1, ten),
        PostId::from_parts(1, ten),
    );
    for words in [words.answering(Sha256([7; 32])), words] {
        if let Ok(plain) = words.unpack(packed, MOST) {
            assert!(plain.len() <= MOST);
            let again = words.pack(&plain).and_then(|packed| words.unpack(&packed, MOST).ok());
            assert_eq!(again, Some(plain));
        }
    }
});
