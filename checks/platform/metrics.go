package platform

import (
	"xunjian/checks"
)

// gauge describes a family of probes; all carry what the probe is, which
// system and door it belongs to, and how it asks.
func gauge(name, help string, more ...string) *checks.Desc {
	return checks.NewDesc(name, checks.Gauge, help, append([]string{"probe", "system", "door", "module"}, more...)...)
}

// Names and meaning are blackbox_exporter's.
var (
	descSuccess          = gauge("probe_success", "Displays whether or not the probe was a success")
	descDuration         = gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds")
	descLookup           = gauge("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds")
	descIPProtocol       = gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6")
	descIPHash           = gauge("probe_ip_addr_hash", "Specifies the hash of IP address. It's useful to detect if the IP address changes.")
	descRegex            = gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex")
	descHTTPDuration     = gauge("probe_http_duration_seconds", "Duration of http request by phase, summed over all redirects", "phase")
	descHTTPStatus       = gauge("probe_http_status_code", "Response HTTP status code")
	descHTTPVersion      = gauge("probe_http_version", "Returns the version of HTTP of the probe response")
	descHTTPRedirects    = gauge("probe_http_redirects", "The number of redirects")
	descHTTPLength       = gauge("probe_http_content_length", "Length of http content response")
	descHTTPBody         = gauge("probe_http_uncompressed_body_length", "Length of uncompressed response body")
	descHTTPSSL          = gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect")
	descHTTPLastModified = gauge("probe_http_last_modified_timestamp_seconds", "Returns the Last-Modified HTTP response header in unixtime")
	descEarliestExpiry   = gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime")
	descChainExpiry      = gauge("probe_ssl_last_chain_expiry_timestamp_seconds", "Returns last SSL chain expiry in timestamp")
	descChainInfo        = gauge("probe_ssl_last_chain_info", "Contains SSL leaf certificate information", "fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber")
	descTLSVersion       = gauge("probe_tls_version_info", "Returns the TLS version used or NaN when unknown", "version")
	descTLSCipher        = gauge("probe_tls_cipher_info", "Returns the TLS cipher negotiated during handshake", "cipher")
	descDNSDuration      = gauge("probe_dns_duration_seconds", "Duration of DNS request by phase", "phase")
	descDNSAnswers       = gauge("probe_dns_answer_rrs", "Returns number of entries in the answer resource record list")
	descDNSAuthority     = gauge("probe_dns_authority_rrs", "Returns number of entries in the authority resource record list")
	descDNSAdditional    = gauge("probe_dns_additional_rrs", "Returns number of entries in the additional resource record list")
	descDNSSucceeded     = gauge("probe_dns_query_succeeded", "Displays whether or not the query was executed successfully")
	descDNSSerial        = gauge("probe_dns_serial", "Returns the serial number of the zone")
)

// Names and meaning are those of node_exporter's ntp collector.
var (
	descNTPOffset     = gauge("node_ntp_offset_seconds", "ClockOffset between NTP and local clock.")
	descNTPRTT        = gauge("node_ntp_rtt_seconds", "RTT to NTP daemon.")
	descNTPStratum    = gauge("node_ntp_stratum", "NTPD stratum.")
	descNTPLeap       = gauge("node_ntp_leap", "NTPD leap second indicator, 2 bits.")
	descNTPReference  = gauge("node_ntp_reference_timestamp_seconds", "NTPD ReferenceTime, UNIX timestamp.")
	descNTPDelay      = gauge("node_ntp_root_delay_seconds", "NTPD RootDelay.")
	descNTPDispersion = gauge("node_ntp_root_dispersion_seconds", "NTPD RootDispersion.")
	descNTPSanity     = gauge("node_ntp_sanity", "NTPD sanity according to RFC5905 heuristics and configured limits.")
)

// What no exporter has.
var (
	descFault    = gauge("xunjian_probe_fault", "Where the cause of a failed probe is to be looked for: 1 for the class that fits, 0 for the others, and for all after a success.", "class")
	descInterval = gauge("xunjian_probe_interval_seconds", "How often the probe is tried.")
	descStep     = gauge("xunjian_probe_step_duration_seconds", "How long each step of a probe took; 0 for one that was not reached.", "step")
	// Whole is said only of pages of which it is known how they should look.
	descWhole   = gauge("xunjian_probe_page_intact", "Whether the page is as it should be: 0 for one that was changed.")
	descOffered = gauge("xunjian_probe_tls_offered", "Whether the server's TLS offers a protocol or kind of cipher that is not safe any more.", "weakness")
	descRevoked = gauge("xunjian_probe_certificate_revoked", "Whether the server's certificate has been revoked, by where that was asked: ocsp_staple, ocsp or crl.", "source")
	descReached = gauge("xunjian_probe_revocation_reachable", "Whether the place that tells of revoked certificates answered, rightly signed and in time, by source.", "source")
)

// measure writes what every probe has, and what its kind has.
func (v *visit) measure(o *outcome) {
	success := 1.0
	if o.fault != nil {
		success = 0
	}
	v.set(descSuccess, success)
	v.set(descDuration, o.took.Seconds())
	v.set(descInterval, v.p.Interval.Seconds())
	v.set(descLookup, v.phases[phaseResolve].Seconds())
	for _, class := range classes {
		v.set(descFault, truth(o.fault != nil && o.fault.class == class), class)
	}
	if v.ip != nil {
		protocol := 6.0
		if v.ip.To4() != nil {
			protocol = 4
		}
		v.set(descIPProtocol, protocol)
		v.set(descIPHash, ipHash(v.ip))
	}
	v.measureTLS()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
