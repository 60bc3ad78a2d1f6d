//! What only its owner should know is taken out of references.

use super::head::authority;

/// Names of parameters that tell a secret: these, and those with one of the second
/// in them. Somebody's word beginning so is taken for one, too.
const WHOLE: &[&[u8]] =
    &[b"auth", b"code", b"key", b"otp", b"pin", b"sid", b"sig", b"ticket", b"apikey", b"api_key", b"api-key"];
const WITHIN: &[&[u8]] =
    &[b"pass", b"pwd", b"secret", b"token", b"signature", b"credential", b"sess", b"authoriz"];

/// Stands for a value.
const HIDDEN: &[u8] = b"***";

/// A reference (RFC 3986) without the user's name and password that it may have, and
/// without the values of parameters that tell a secret by their names.
pub fn without_secrets(reference: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(reference.len());
    let mut rest = &*without_user(reference);
    // Parameters begin behind these, `;` for those of a path (RFC 3986, 3.3).
    let is_between = |byte: &u8| matches!(byte, b'?' | b'&' | b';' | b'#');
    while let Some(at) = rest.iter().position(is_between) {
        let (before, parameter) = rest.split_at(at + 1);
        out.extend_from_slice(before);
        let end = parameter.iter().position(is_between).unwrap_or(parameter.len());
        let (parameter, behind) = parameter.split_at(end);
        rest = behind;
        match parameter.iter().position(|&byte| byte == b'=') {
            Some(at) if is_secret(&parameter[..at]) => {
                out.extend_from_slice(&parameter[..=at]);
                out.extend_from_slice(HIDDEN);
            }
            _ => out.extend_from_slice(parameter),
        }
    }
    out.extend_from_slice(rest);
    out
}

fn is_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    WHOLE.contains(&&*name) || WITHIN.iter().any(|word| name.windows(word.len()).any(|part| part == *word))
}

/// A reference without the user's name and password that it may have.
fn without_user(target: &[u8]) -> Vec<u8> {
    let end = |authority: &[u8]| authority.iter().rposition(|&byte| byte == b'@').map(|at| at + 1);
    let Some(user) = authority(target).and_then(end) else { return target.to_vec() };
    let start = target.windows(3).position(|bytes| bytes == b"://").map_or(0, |at| at + 3);
    [target.get(..start).unwrap_or_default(), target.get(start + user..).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parameter_hides_by_its_name_is_hidden() {
        let read = |text: &str| String::from_utf8(without_secrets(text.as_bytes())).unwrap();
        for (sent, told) in [
            ("/a?user=ann&password=hunter2", "/a?user=ann&password=***"),
            ("/a?Passwd=x&b=1#c", "/a?Passwd=***&b=1#c"),
            ("/a;jsessionid=12AB?x=1", "/a;jsessionid=***?x=1"),
            ("/a?access_token=x;y=2&sid=", "/a?access_token=***;y=2&sid=***"),
            ("http://ann:hunter2@a.example/b?key=x", "http://a.example/b?key=***"),
            ("/password/x?a", "/password/x?a"),
            ("/a?monkey=1&&=&?", "/a?monkey=1&&=&?"),
            ("", ""),
        ] {
            assert_eq!(read(sent), told);
        }
    }
}
