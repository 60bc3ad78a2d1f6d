//! What a device says of itself by mDNS (RFC 6762) and DNS-SD (RFC 6763).

use std::net::IpAddr;

use super::{Message, Resource, Type, address};
use crate::dissect::about::{Clue, NameSource};
use crate::dissect::login::{MAX_NAME, text};

/// Services that only things of one kind offer, by their types (IANA, Service Name
/// Registry).
const KINDS: [(&[u8], &str); 9] = [
    (b"_ipp", "printer"),
    (b"_ipps", "printer"),
    (b"_printer", "printer"),
    (b"_pdl-datastream", "printer"),
    (b"_googlecast", "media player"),
    (b"_sonos", "speaker"),
    (b"_hap", "smart home"),
    (b"_hue", "smart home"),
    (b"_axis-video", "camera"),
];

/// Calls `each` with what `message` says of `sender`, whose packet it came in. Only
/// where it also says that the sender has that packet's address: some routers repeat
/// what others announce, and theirs would be named by it.
pub fn announced(message: &Message<'_>, sender: IpAddr, mut each: impl FnMut(Clue)) {
    let own = message.records().map(|(_, record)| record).find(|record| address(record) == Some(sender));
    let Some(name) = own.and_then(|record| local_name(&record)) else { return };
    each(Clue::Name(NameSource::Mdns, name));
    for record in message.records().map(|(_, record)| record) {
        match record.kind {
            Type::TXT if has_label(&record, b"_device-info") => {
                if let Some(model) = model(record.data) {
                    each(Clue::Model(model));
                }
            }
            Type::PTR => {
                let known = KINDS.iter().find(|(service, _)| first_label_is(&record, service));
                if let Some((_, kind)) = known {
                    each(Clue::Kind(kind));
                }
            }
            _ => {}
        }
    }
}

/// What stands before `.local` in the record's name, as it was written.
fn local_name(record: &Resource<'_>) -> Option<String> {
    let mut labels: [&[u8]; 2] = [&[]; 2];
    let mut count = 0;
    record.name.labels(|label| {
        if let Some(place) = labels.get_mut(count) {
            *place = label;
        }
        count += 1;
    })?;
    let is_local = count == 2 && labels[1].eq_ignore_ascii_case(b"local");
    is_local.then(|| text(labels[0], MAX_NAME))?
}

fn has_label(record: &Resource<'_>, wanted: &[u8]) -> bool {
    let mut has = false;
    let whole = record.name.labels(|label| has |= label.eq_ignore_ascii_case(wanted));
    has && whole.is_some()
}

fn first_label_is(record: &Resource<'_>, wanted: &[u8]) -> bool {
    let mut first = None;
    let whole = record.name.labels(|label| {
        first.get_or_insert(label);
    });
    whole.is_some() && first.is_some_and(|label| label.eq_ignore_ascii_case(wanted))
}

/// The value of `model=` among texts that have their lengths before them.
fn model(mut data: &[u8]) -> Option<String> {
    while let Some((&length, rest)) = data.split_first() {
        let (entry, rest) = rest.split_at_checked(length.into())?;
        if let Some(model) = entry.strip_prefix(b"model=") {
            return text(model, MAX_NAME);
        }
        data = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with a PTR to a printer's service, a text about its model, and an
    /// address in the additions.
    const ANSWER: &[u8] = b"\0\0\x84\0\0\0\0\x02\0\0\0\x01\
        \x04_ipp\x04_tcp\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x02\xc0\x0c\
        \x01a\x0c_device-info\x04_tcp\x05local\0\0\x10\0\x01\0\0\0\x78\0\x15\x08osxvers=\x0bmodel=Mac14\
        \x07Ann-Mac\x05local\0\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\xa8\x01\x05";

    fn said(bytes: &[u8], sender: [u8; 4]) -> Vec<Clue> {
        let mut clues = Vec::new();
        announced(&Message::read(bytes).unwrap(), sender.into(), |clue| clues.push(clue));
        clues
    }

    #[test]
    fn a_device_says_its_name_its_model_and_what_it_offers() {
        let expected = [
            Clue::Name(NameSource::Mdns, "Ann-Mac".into()),
            Clue::Kind("printer"),
            Clue::Model("Mac14".into()),
        ];
        assert_eq!(said(ANSWER, [192, 168, 1, 5]), expected);
    }

    #[test]
    fn what_is_repeated_for_others_is_not_the_senders() {
        assert_eq!(said(ANSWER, [192, 168, 1, 1]), []);
    }

    #[test]
    fn a_message_that_is_cut_names_nobody() {
        for end in 12..ANSWER.len() {
            assert_eq!(said(&ANSWER[..end], [192, 168, 1, 5]), [], "{end}");
        }
    }
}
