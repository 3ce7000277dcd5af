#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sandkasse_hostile::targets::phone(data));
