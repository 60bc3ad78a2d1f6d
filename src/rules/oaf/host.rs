//! Their hosts: a small regular expression that may fit anywhere in the name.
//!
//! Ours begin at a label and reach to the name's end. That is what a domain
//! means; `qq.com` was not to be found in `myqq.com`.

use std::net::Ipv4Addr;

/// What ends a domain, apart from the countries' codes.
const TOPS: &[&str] = &[
    "ai", "app", "art", "biz", "cc", "chat", "cloud", "club", "com", "dev", "edu", "fun", "games", "gov",
    "group", "info", "int", "link", "live", "me", "media", "mil", "mobi", "name", "net", "network", "news",
    "online", "org", "pro", "shop", "site", "space", "store", "team", "tech", "tel", "top", "tv", "video",
    "vip", "wang", "website", "work", "world", "xin", "xyz", "zone",
];

/// The countries' codes (ISO 3166-1), and `eu`, `su` and `uk`.
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn \
    bo br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg \
    er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id \
    ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly \
    ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om \
    pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss \
    st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu \
    wf ws ye yt za zm zw";

/// Below this length a part is in names of all kinds.
const SHORT: usize = 4;

/// `text` as features.txt has a host.
pub fn convert(text: &str, remarks: &mut Vec<String>) -> Result<String, String> {
    let inside = text.strip_prefix('^').unwrap_or(text);
    let begins = inside.len() < text.len();
    let inner = inside.strip_suffix('$').unwrap_or(inside);
    let ends = inner.len() < inside.len();
    let pattern = stars(inner).ok_or_else(|| format!("the pattern {text} can't be said here"))?;
    let wild_end = pattern.ends_with('*') && !ends;
    let core = pattern.trim_matches(['*', '.']).to_lowercase();
    if core.is_empty() {
        return Err(format!("the host {text} fits every name"));
    }
    if !core.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*')) {
        return Err(format!("{text} is no part of a host"));
    }
    if core.parse::<Ipv4Addr>().is_ok() && !wild_end {
        return Ok(core);
    }
    let is_domain = !wild_end && core.rsplit_once('.').is_some_and(|(_, top)| is_top(top));
    let host = match (is_domain, core.contains('*')) {
        (true, _) => core,
        (false, true) if ends => core,
        (false, true) => format!("{core}*"),
        (false, false) if begins => format!("{core}*"),
        (false, false) if ends => format!("*{core}"),
        (false, false) if core.len() < SHORT => {
            remarks.push(format!("host {text} became ~{core}, which is in many names of others"));
            return Ok(format!("~{core}"));
        }
        (false, false) => {
            remarks.push(format!("host {text} became ~{core}, which may swallow names of others"));
            return Ok(format!("~{core}"));
        }
    };
    if host != text.trim_matches('.') {
        remarks.push(format!("host {text} became {host}, from the begin of a label on"));
    }
    Ok(host)
}

fn is_top(label: &str) -> bool {
    TOPS.contains(&label) || label.len() == 2 && COUNTRIES.split_whitespace().any(|code| code == label)
}

/// The pattern with `*` for any characters. A dot by itself is taken for a
/// dot, which it was meant to be; what repeats a letter has no counterpart.
fn stars(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let more = chars.next_if(|next| matches!(next, '*' | '+' | '?'));
        match (c, more) {
            ('.', Some('*' | '+')) | ('*', None) => {
                if !out.ends_with('*') {
                    out.push('*');
                }
            }
            (_, Some(_)) | ('^' | '$' | '+' | '?', None) => return None,
            (c, None) => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_hosts() {
        for (text, host) in [
            ("pear.example.com", "pear.example.com"),
            (".pear.com", "pear.com"),
            ("g7.*.pear.com", "g7*.pear.com"),
            ("pear", "~pear"),
            ("cdn.pear", "~cdn.pear"),
            ("Pear.COM", "pear.com"),
            ("^cdn-pear", "cdn-pear*"),
            ("pear-cdn$", "*pear-cdn"),
            ("pear.com$", "pear.com"),
            ("a.*pear", "a*pear*"),
            (".*pear.*", "~pear"),
            ("pear.com.*", "~pear.com"),
            ("*.pear.com", "pear.com"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(convert(text, &mut Vec::new()).as_deref(), Ok(host), "{text}");
        }
        for text in ["pea+r.com", ".*", "a^b", "pear.com/x", "pe?r", "p e", "."] {
            assert!(convert(text, &mut Vec::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_the_same_is_told() {
        let mut remarks = Vec::new();
        let _ = convert("pear.com", &mut remarks);
        assert!(remarks.is_empty());
        let _ = convert("pear", &mut remarks);
        let _ = convert("g7.*.pear.com", &mut remarks);
        assert_eq!(
            remarks,
            [
                "host pear became ~pear, which may swallow names of others",
                "host g7.*.pear.com became g7*.pear.com, from the begin of a label on"
            ]
        );
    }
}
