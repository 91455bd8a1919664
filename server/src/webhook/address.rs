//! Which addresses a webhook may reach: public ones. Asked when the connection is made, so that a name cannot point elsewhere afterwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Resolves names, and refuses what is not public.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) allow_private: bool,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        // One address that is not public makes the name suspect: none of them is taken.
        match found.iter().find(|a| !self.allow_private && !is_public(a.ip())) {
            None => Ok(found),
            Some(refused) => Err(ureq::Error::Other(refusal(refused.ip()).into())),
        }
    }
}

fn refusal(address: IpAddr) -> String {
    format!("{address} is no public address: allow those of the own network with `webhooks.allow_private = true`")
}

/// Reachable by everybody on the Internet, and by nobody else's leave.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(a: Ipv4Addr) -> bool {
    let [one, two, three, _] = a.octets();
    let shared = one == 100 && (64..128).contains(&two);
    let special = one == 0 || one >= 240 || (one == 192 && two == 0 && three == 0) || (one == 198 && (two == 18 || two == 19));
    let relay = one == 192 && two == 88 && three == 99;
    // The metadata services of clouds (169.254.169.254) are link-local.
    !(a.is_loopback() || a.is_private() || a.is_link_local() || a.is_multicast() || a.is_documentation() || a.is_broadcast())
        && !(shared || special || relay)
}

fn is_public_v6(a: Ipv6Addr) -> bool {
    // An IPv4 address in one of its disguises is judged as what it is.
    let s = a.segments();
    let low = || Ipv4Addr::new((s[6] >> 8) as u8, s[6] as u8, (s[7] >> 8) as u8, s[7] as u8);
    if let Some(v4) = a.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(low());
    }
    if s[0] == 0x2002 {
        return is_public_v4(Ipv4Addr::new((s[1] >> 8) as u8, s[1] as u8, (s[2] >> 8) as u8, s[2] as u8));
    }
    // Global unicast is 2000::/3; of it, documentation and Teredo are not for us.
    let teredo = s[0] == 0x2001 && s[1] < 0x200;
    let documentation = (s[0] == 0x2001 && s[1] == 0xdb8) || s[0] == 0x3fff;
    s[0] & 0xe000 == 0x2000 && !teredo && !documentation
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let refused = [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "100::1",
        ];
        for address in refused {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    /// Every way to write an address that the resolver of the system understands ends at an address, which is judged.
    #[test]
    fn names_and_disguises_are_judged_by_where_they_lead() {
        let agent = super::super::delivery::agent(false, std::time::Duration::from_secs(2));
        for host in ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0"] {
            let error = agent.get(format!("http://{host}:9/")).call().map(drop);
            // What the resolver does not understand is not reached either; what it does is refused before a connection.
            let words = error.unwrap_err().to_string();
            assert!(!words.contains("refused") && !words.contains("timeout"), "{host}: {words}");
        }
    }
}
