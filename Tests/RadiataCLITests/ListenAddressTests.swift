import RadiataCLI
import Testing

@Suite("Listen addresses")
struct ListenAddressTests {
    @Test(
        "forms that are taken",
        arguments: [
            ("127.0.0.1:7070", "127.0.0.1", 7070), ("[::1]:7070", "::1", 7070), ("[::]:0", "::", 0),
            ("localhost:80", "localhost", 80), ("0.0.0.0:65535", "0.0.0.0", 65535),
            ("[fe80::1%eth0]:7070", "fe80::1%eth0", 7070), ("[2001:db8::7]:1", "2001:db8::7", 1),
            ("::1:7070", "::1", 7070),
            ("box.lan:7070", "box.lan", 7070),
        ])
    func taken(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(text)
        #expect(address.host == host && address.port == port)
    }

    @Test(
        "forms that are refused, with what is wanted",
        arguments: [
            ("7070", "Write 127.0.0.1:7070"), (":7070", "Write 127.0.0.1:7070"), ("localhost", "the port is missing"),
            ("[::1]", "the port is missing"), ("::1", "the port is missing"), ("::", "the port is missing"),
            ("127.0.0.1:", "'' is no port"), ("127.0.0.1:70000", "'70000' is no port"),
            ("127.0.0.1:-1", "'-1' is no port"),
            ("127.0.0.1:+80", "'+80' is no port"), ("127.0.0.1:http", "'http' is no port"),
            ("[127.0.0.1]:80", "brackets are for"),
            ("[::1:80", "brackets are for"), ("a:b:80", "is no host"), ("http://127.0.0.1:80", "is no host"),
            ("two words:80", "is no host"), ("", "the port is missing"),
        ])
    func refused(text: String, reason: String) {
        let refusal = #expect(throws: ListenAddress.Refusal.self) { try ListenAddress(text) }
        let message = refusal?.description ?? ""
        #expect(
            message.contains(reason) && message.contains("[::1]:7070") && message.contains("--listen"), "\(message)")
    }
}
