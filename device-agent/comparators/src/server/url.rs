//! Where a server is. On this machine unless somebody says otherwise in full.

use super::ServerError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// Without a slash at the end.
    base: String,
}

impl ServerUrl {
    /// A server on this machine, such as llama-server on port 8080.
    pub fn loopback(port: u16) -> Self {
        Self { base: format!("http://127.0.0.1:{port}/v1") }
    }

    /// A server anywhere, as `http://host:port` or `http://host:port/v1`. Without TLS: a distant server is reached
    /// through a tunnel, whose end is a loopback address.
    pub fn explicit(url: &str) -> Result<Self, ServerError> {
        let bad = |why: &str| ServerError::Url { url: url.to_owned(), why: why.to_owned() };
        if url.starts_with("https://") {
            return Err(bad("this build has no TLS; open a tunnel (ssh -L) and give its http:// address"));
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| bad("it must begin with http://"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || host.contains(['@', ' ', '?', '#', '\\']) {
            return Err(bad("it needs a host and a port, without a user name"));
        }
        let path = path.trim_end_matches('/');
        if path.contains(['?', '#', ' ']) {
            return Err(bad("a query has no place here"));
        }
        Ok(Self { base: format!("http://{host}/{}", if path.is_empty() { "v1" } else { path }) })
    }

    pub fn is_loopback(&self) -> bool {
        let host = self.base.trim_start_matches("http://").split('/').next().unwrap_or_default();
        if let Some(v6) = host.strip_prefix('[') {
            return v6.split(']').next() == Some("::1");
        }
        let name = host.split(':').next().unwrap_or_default();
        name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_added_where_there_is_no_path() {
        for (given, joined) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/models"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1/models"),
            ("http://box:1234/api/v1/", "http://box:1234/api/v1/models"),
        ] {
            assert_eq!(ServerUrl::explicit(given).unwrap().join("models"), joined);
        }
        assert_eq!(ServerUrl::loopback(8080), ServerUrl::explicit("http://127.0.0.1:8080").unwrap());
    }

    #[test]
    fn loopback_is_told_from_elsewhere() {
        let local = |url| ServerUrl::explicit(url).unwrap().is_loopback();
        assert!(local("http://127.8.0.1:1") && local("http://localhost:1") && local("http://[::1]:1/v1"));
        assert!(
            !local("http://127.0.0.1.example.com:1")
                && !local("http://192.168.0.2")
                && !local("http://[::2]:1")
        );
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for url in ["https://a:1", "a:1", "http://", "http://u:p@h", "http://h/v1?x=1", "file:///etc"] {
            assert!(matches!(ServerUrl::explicit(url), Err(ServerError::Url { .. })), "{url}");
        }
    }
}
