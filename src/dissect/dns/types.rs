//! Names of DNS numbers (IANA, Domain Name System Parameters).

use std::fmt;

/// A record's or question's type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Type(pub u16);

impl Type {
    pub const A: Type = Type(1);
    pub const NS: Type = Type(2);
    pub const CNAME: Type = Type(5);
    pub const SOA: Type = Type(6);
    pub const PTR: Type = Type(12);
    pub const MX: Type = Type(15);
    pub const TXT: Type = Type(16);
    pub const AAAA: Type = Type(28);
    pub const SRV: Type = Type(33);
    pub const NAPTR: Type = Type(35);
    pub const DNAME: Type = Type(39);
    pub const OPT: Type = Type(41);
    pub const DS: Type = Type(43);
    pub const SSHFP: Type = Type(44);
    pub const RRSIG: Type = Type(46);
    pub const NSEC: Type = Type(47);
    pub const DNSKEY: Type = Type(48);
    pub const TLSA: Type = Type(52);
    pub const SVCB: Type = Type(64);
    pub const HTTPS: Type = Type(65);
    pub const SPF: Type = Type(99);
    pub const CAA: Type = Type(257);

    /// Its registered name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        let at = TYPES.binary_search_by_key(&self.0, |&(number, _)| number).ok()?;
        Some(TYPES[at].1)
    }
}

/// The name, or `TYPE65280` for one without (RFC 3597, 5).
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// A response's code, with the upper bits that EDNS adds (RFC 6891, 6.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rcode(pub u16);

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match RCODES.get(usize::from(self.0)) {
            Some(name) if !name.is_empty() => f.write_str(name),
            _ => write!(f, "RCODE{}", self.0),
        }
    }
}

#[rustfmt::skip]
const RCODES: &[&str] = &[
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
    "NOTAUTH", "NOTZONE", "DSOTYPENI", "", "", "", "", "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME",
    "BADALG", "BADTRUNC", "BADCOOKIE",
];

/// Types in use, in order of number for the search above. The obsolete and the
/// experimental ones keep their number for a name, as RFC 3597 has it: whoever
/// sees one today sees a tunnel or a scanner.
#[rustfmt::skip]
const TYPES: &[(u16, &str)] = &[
    (1, "A"), (2, "NS"), (5, "CNAME"), (6, "SOA"), (12, "PTR"), (13, "HINFO"), (15, "MX"), (16, "TXT"),
    (17, "RP"), (18, "AFSDB"), (28, "AAAA"), (29, "LOC"), (33, "SRV"), (35, "NAPTR"), (36, "KX"), (37, "CERT"),
    (39, "DNAME"), (41, "OPT"), (42, "APL"), (43, "DS"), (44, "SSHFP"), (45, "IPSECKEY"),
    (46, "RRSIG"), (47, "NSEC"), (48, "DNSKEY"), (49, "DHCID"), (50, "NSEC3"), (51, "NSEC3PARAM"),
    (52, "TLSA"), (53, "SMIMEA"), (55, "HIP"), (59, "CDS"),
    (60, "CDNSKEY"), (61, "OPENPGPKEY"), (62, "CSYNC"), (63, "ZONEMD"), (64, "SVCB"), (65, "HTTPS"),
    (66, "DSYNC"), (67, "HHIT"), (68, "BRID"), (99, "SPF"), (104, "NID"), (105, "L32"), (106, "L64"), (107, "LP"), (108, "EUI48"), (109, "EUI64"),
    (128, "NXNAME"), (249, "TKEY"), (250, "TSIG"), (251, "IXFR"), (252, "AXFR"),
    (255, "ANY"), (256, "URI"), (257, "CAA"), (258, "AVC"), (260, "AMTRELAY"), (261, "RESINFO"),
    (262, "WALLET"), (263, "CLA"), (264, "IPN"), (32768, "TA"), (32769, "DLV"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_names_and_the_rest_keep_their_number() {
        assert_eq!(Type(65).to_string(), "HTTPS");
        assert_eq!(Type(65280).to_string(), "TYPE65280");
        assert_eq!(Type(10).to_string(), "TYPE10", "NULL, which nobody but tunnels asks for");
        assert_eq!(Rcode(3).to_string(), "NXDOMAIN");
        assert_eq!(Rcode(16).to_string(), "BADVERS");
        assert_eq!(Rcode(12).to_string(), "RCODE12");
        assert_eq!(Rcode(4000).to_string(), "RCODE4000");
    }

    #[test]
    fn the_types_are_in_order() {
        assert!(TYPES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
