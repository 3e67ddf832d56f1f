import Coordinator
import Foundation
import Ports
import SweepClient
import SweepWire
import Testing

/// Real certificates of a real authority, made by openssl as docs/explanation/security.md says.
@Suite("TLS with an authority of one's own")
struct TLSTests {
    /// A folder with `ca.pem`, `server.pem` and `server.key`.
    private static func authority(in folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try openssl(
            ["req", "-x509"] + curve + [
                "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Radiata test authority",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
            ], folder)
        try openssl(
            ["req"] + curve + ["-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=coordinator"], folder)
        try Data("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n".utf8).write(
            to: URL(filePath: folder + "/extensions"))
        try openssl(
            [
                "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                "server.pem", "-days", "2", "-extfile", "extensions",
            ], folder)
    }

    @discardableResult
    private static func openssl(_ arguments: [String], _ folder: String, input: String? = nil) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        if arguments.first != "s_client" {
            try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
        }
        return process.terminationStatus
    }

    @Test(
        "the right authority is trusted, any other is not, nor is a coordinator without TLS; TLS 1.2 only when asked for"
    )
    func authorities() async throws {
        let folder = NSTemporaryDirectory() + "tls-\(SystemRandom().hexadecimal(bytes: 8))"
        let other = folder + "/other"
        try Self.authority(in: folder)
        try Self.authority(in: other)
        defer { do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") } }
        func serve(tls12: Bool, _ body: (DaemonBench, String) async throws -> Void) async throws {
            let options = DaemonBench.Options(
                certificate: folder + "/server.pem", key: folder + "/server.key", allowsTLS12: tls12)
            try await DaemonBench.withTokens(options) { try await body($0, $1) }
        }
        func ask(_ bench: DaemonBench, _ authorities: String?, _ token: String?) async throws {
            let client = SweepClient(
                try ClientConfiguration(coordinator: bench.url, token: token, authorities: authorities))
            _ = try await client.call(.sweeps, Nothing(), retry: .never)
        }
        try await serve(tls12: false) { bench, token async throws in
            #expect(bench.url.hasPrefix("https://"))
            try await ask(bench, folder + "/ca.pem", token)
            for wrong in [other + "/ca.pem", nil] {
                let error = await #expect(throws: ClientError.self) { try await ask(bench, wrong, token) }
                #expect(error?.code == .untrusted)
            }
            // A cookie of a page served by TLS never travels otherwise.
            let port = bench.raw.port
            let plain = try await bench.raw.request("GET", "/v1/health")
            #expect(plain.status != 200)
            #expect(try Self.openssl(["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_3"], folder) == 0)
            #expect(try Self.openssl(["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_2"], folder) != 0)
        }
        try await serve(tls12: true) { bench, token async throws in
            try await ask(bench, folder + "/ca.pem", token)
            let port = bench.raw.port
            #expect(try Self.openssl(["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_2"], folder) == 0)
            #expect(try Self.openssl(["s_client", "-connect", "127.0.0.1:\(port)", "-tls1_1"], folder) != 0)
        }
    }
}
