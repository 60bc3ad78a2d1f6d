//! The password that the pages ask for: its hash, and `weir passwd`.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Exit, files, load_config};

/// What a guess costs: some tenths of a second on a router with 256 MB.
const COST: Cost = Cost { memory: 8 * 1024, passes: 3 };

/// A file that asks for more was not written by us.
const MOST: Cost = Cost { memory: 64 * 1024, passes: 16 };

/// Fewer characters are soon guessed.
const SHORTEST: usize = 8;

/// More bytes are no password.
pub const LONGEST: usize = 1024;

/// Bytes that are read of a file that has a hash.
const LONGEST_HASH: u64 = 1024;

#[derive(Clone, Copy)]
struct Cost {
    /// In KiB.
    memory: u32,
    passes: u32,
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut done = 0;
    while done < N {
        // SAFETY: the pointer and the length are those of what is left of the array.
        let got = unsafe { libc::getrandom(bytes[done..].as_mut_ptr().cast(), N - done, 0) };
        // Less than asked for, and nothing, is for signals.
        done += usize::try_from(got).unwrap_or(0);
    }
    bytes
}

/// As PHP's `password_hash` writes it, so that others can read it too.
pub fn hash(password: &str) -> String {
    let salt = random::<16>();
    let out = derive(password, &salt, COST).unwrap_or_default();
    format!(
        "$argon2id$v=19$m={},t={},p=1${}${}",
        COST.memory,
        COST.passes,
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(out),
    )
}

/// Whether `password` is what `hash` was made of; `None` for what is no hash.
pub fn verify(password: &str, hash: &str) -> Option<bool> {
    let mut parts = hash.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, known) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    if lanes != 1 || memory > MOST.memory || passes > MOST.passes || parts.next().is_some() {
        return None;
    }
    let known = STANDARD_NO_PAD.decode(known).ok()?;
    let out = derive(password, &STANDARD_NO_PAD.decode(salt).ok()?, Cost { memory, passes })?;
    Some(same(&known, &out))
}

fn derive(password: &str, salt: &[u8], cost: Cost) -> Option<[u8; 32]> {
    let params = Params::new(cost.memory, cost.passes, 1, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut out)
        .ok()?;
    Some(out)
}

/// Compares in a time that does not tell where two differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Why `password` can't be taken, if it can't.
pub fn objection(password: &str) -> Option<&'static str> {
    if password.chars().count() < SHORTEST {
        Some("short")
    } else if password.len() > LONGEST || password.chars().any(char::is_control) {
        Some("odd")
    } else {
        None
    }
}

/// The hash in the file at `path`, without one when there is no file.
pub fn load(path: &Path) -> io::Result<Option<String>> {
    let text = files::text(path, LONGEST_HASH)?;
    Ok(text.map(|text| text.trim_end().to_owned()))
}

/// What the name of the file of the guests' password ends with, beside the other.
pub const GUEST: &str = "guest";

/// Takes the file at `path` away, if there is one.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes it to the file at `path`.
pub fn save(path: &Path, hash: &str) -> io::Result<()> {
    files::replace(path, &format!("{hash}\n"))
}

/// `weir passwd`: asks for a password, or takes a line of what is piped in. An
/// empty one takes that of guests away.
pub fn passwd(config: Option<&Path>, is_guest: bool) -> Result<String, Exit> {
    let (config, _) = load_config(config)?;
    let admin = &config.daemon.web_password;
    let path = &if is_guest { files::beside(admin, GUEST) } else { admin.clone() };
    let other = if is_guest { admin.clone() } else { files::beside(admin, GUEST) };
    let failed = |error: io::Error| Exit::Failed(format!("{}: {error}", path.display()));
    let password = asked().map_err(failed)?;
    let Some(password) = password else {
        return Err(Exit::Input(vec!["passwd: the two are not the same; nothing was changed".into()]));
    };
    if is_guest && password.is_empty() {
        remove(path).map_err(failed)?;
        return Ok(format!("{} is gone; there are no guests any more", path.display()));
    }
    let same = load(&other).ok().flatten().is_some_and(|hash| verify(&password, &hash) == Some(true));
    match objection(&password).or(same.then_some("same")) {
        Some("short") => Err(Exit::Input(vec![format!("passwd: at least {SHORTEST} characters are needed")])),
        Some("same") => {
            Err(Exit::Input(vec!["passwd: guests and administrators need two that differ".into()]))
        }
        Some(_) => Err(Exit::Input(vec![format!("passwd: at most {LONGEST} bytes, none of them control")])),
        None => {
            save(path, &hash(&password)).map_err(failed)?;
            Ok(format!("{} written; who was signed in has to do it again", path.display()))
        }
    }
}

/// A password, typed twice where somebody types; `None` when the two differ.
fn asked() -> io::Result<Option<String>> {
    let input = io::stdin();
    if input.is_terminal() {
        let first = typed("Password for the pages: ")?;
        return Ok((first == typed("The same again: ")?).then_some(first));
    }
    let mut line = String::new();
    input.lock().take(LONGEST as u64 + 2).read_line(&mut line)?;
    Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// A line of the terminal, which does not show it.
fn typed(prompt: &str) -> io::Result<String> {
    let mut error = io::stderr();
    write!(error, "{prompt}")?;
    // SAFETY: a termios is plain data, and both calls take a pointer to it that
    // is valid for their time.
    let mut shown: libc::termios = unsafe { std::mem::zeroed() };
    if unsafe { libc::tcgetattr(0, &mut shown) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut hidden = shown;
    hidden.c_lflag &= !libc::ECHO;
    unsafe { libc::tcsetattr(0, libc::TCSAFLUSH, &hidden) };
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST as u64 + 2).read_line(&mut line);
    unsafe { libc::tcsetattr(0, libc::TCSAFLUSH, &shown) };
    writeln!(error)?;
    read.map(|_| line.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_hash_knows_its_password() {
        let made = hash("correct horse");
        assert!(made.starts_with("$argon2id$v=19$m=8192,t=3,p=1$"));
        assert_ne!(made, hash("correct horse"), "each has a salt of its own");
        assert_eq!(verify("correct horse", &made), Some(true));
        assert_eq!(verify("Correct horse", &made), Some(false));
        assert_eq!(verify("", &made), Some(false));
        // By PHP's password_hash.
        let php = "$argon2id$v=19$m=1024,t=2,p=1$MHZhMVVTaG10ZFFNNHR5eQ$fqa1PY5WR6Aieqo5RnJgP4gvwOaamN1yi2+xGGAGBN4";
        assert_eq!((verify("geheim 密码", php), verify("geheim", php)), (Some(true), Some(false)));
    }

    #[test]
    fn what_is_no_hash_opens_nothing() {
        for text in [
            "",
            "secret",
            "$2y$10$abcdefghijklmnopqrstuu",
            "$argon2id$v=19$m=8192,t=3,p=1$c2FsdA",
            "$argon2id$v=19$m=4294967295,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAA",
            "$argon2id$v=19$m=8192,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAA$x",
            "$argon2id$v=19$m=8192,t=3,p=1$!!!!$AAAA",
        ] {
            assert_ne!(verify("", text), Some(true), "{text}");
            assert_ne!(verify("secret", text), Some(true), "{text}");
        }
    }

    #[test]
    fn a_file_is_for_its_group_only() {
        let folder = std::env::temp_dir().join(format!("weir-password-{}", std::process::id()));
        let path = folder.join("web/password");
        assert_eq!(load(&path).unwrap(), None);
        save(&path, "one").unwrap();
        save(&path, "two").unwrap();
        assert_eq!(load(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777 & !0o640, 0);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn poor_passwords_are_refused() {
        assert_eq!((objection("1234567"), objection("密码密码密码密码")), (Some("short"), None));
        assert_eq!((objection("12345\u{7}678"), objection(&"x".repeat(1025))), (Some("odd"), Some("odd")));
    }
}
