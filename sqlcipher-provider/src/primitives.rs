//! The algorithms, on slices.

use aes::{
    Aes256,
    cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, typenum::U16},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

/// Unit of all sizes: bytes.
pub(crate) const KEY: usize = 32;
pub(crate) const BLOCK: usize = 16;
pub(crate) const HMAC: usize = 64;

/// The input does not fit the algorithm.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

/// Which way [`aes_256_cbc`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// AES-256-CBC in place, without padding.
///
/// # Errors
/// [`Unfit`] if the key has not 32 bytes, the vector not 16, or the data is not whole blocks.
pub(crate) fn aes_256_cbc(direction: Direction, key: &[u8], iv: &[u8], data: &mut [u8]) -> Result<(), Unfit> {
    let (blocks, rest) = Array::<u8, U16>::slice_as_chunks_mut(data);
    if !rest.is_empty() {
        return Err(Unfit);
    }
    match direction {
        Direction::Encrypt => cbc::Encryptor::<Aes256>::new_from_slices(key, iv)
            .map_err(|_| Unfit)?
            .encrypt_blocks(blocks),
        Direction::Decrypt => cbc::Decryptor::<Aes256>::new_from_slices(key, iv)
            .map_err(|_| Unfit)?
            .decrypt_blocks(blocks),
    }
    Ok(())
}

/// HMAC-SHA-512 over both parts, as one message.
///
/// # Errors
/// None in fact: HMAC takes keys of every length.
pub(crate) fn hmac_sha512(key: &[u8], parts: [&[u8]; 2]) -> Result<[u8; HMAC], Unfit> {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).map_err(|_| Unfit)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}

/// PBKDF2-HMAC-SHA-512.
pub(crate) fn pbkdf2_sha512(password: &[u8], salt: &[u8], rounds: u32, key: &mut [u8]) {
    pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, key);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex
            .bytes()
            .filter(u8::is_ascii_hexdigit)
            .map(|digit| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap())
            .collect();
        digits
            .chunks_exact(2)
            .map(|pair| pair[0] * 16 + pair[1])
            .collect()
    }

    #[test]
    fn aes_256_cbc_gives_the_vectors_of_nist_sp_800_38a_f_2_5() {
        let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let iv = bytes("000102030405060708090a0b0c0d0e0f");
        let plain = bytes(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        let sealed = bytes(
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
             39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
        );
        let mut data = plain.clone();
        aes_256_cbc(Direction::Encrypt, &key, &iv, &mut data).unwrap();
        assert_eq!(data, sealed);
        aes_256_cbc(Direction::Decrypt, &key, &iv, &mut data).unwrap();
        assert_eq!(data, plain);
    }

    #[test]
    fn hmac_sha512_gives_the_second_vector_of_rfc_4231_also_in_two_parts() {
        let expected = bytes(
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        );
        let message = b"what do ya want for nothing?";
        for cut in 0..=message.len() {
            let (first, second) = message.split_at(cut);
            assert_eq!(
                hmac_sha512(b"Jefe", [first, second]).unwrap().as_slice(),
                expected
            );
        }
    }

    #[test]
    fn pbkdf2_sha512_gives_the_known_key_of_password_and_salt() {
        let mut key = [0; 64];
        pbkdf2_sha512(b"password", b"salt", 2, &mut key);
        let expected = bytes(
            "e1d9c16aa681708a45f5c7c4e215ceb66e011a2e9f0040713f18aefdb866d53c\
             f76cab2868a39b9f7840edce4fef5a82be67335c77a6068e04112754f27ccf4e",
        );
        assert_eq!(key.as_slice(), expected);
    }

    #[test]
    fn keys_vectors_and_data_of_wrong_sizes_are_refused_and_change_nothing() {
        for (key, iv, data) in [
            (31, 16, 16),
            (33, 16, 16),
            (0, 16, 16),
            (32, 15, 16),
            (32, 17, 16),
            (32, 16, 17),
        ] {
            for direction in [Direction::Encrypt, Direction::Decrypt] {
                let mut bytes = vec![7; data];
                let result = aes_256_cbc(direction, &vec![1; key], &vec![2; iv], &mut bytes);
                assert_eq!(result, Err(Unfit), "{key} {iv} {data}");
                assert_eq!(bytes, vec![7; data]);
            }
        }
    }
}
