import Coordinator
import Foundation
import Ports
import SweepClient
import SweepWire
import Testing

@Suite("A coordinator's own certificate authority")
struct OwnAuthorityTests {
    @discardableResult
    private func openssl(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    private var options: DaemonBench.Options {
        var options = DaemonBench.Options()
        options.host = "0.0.0.0"
        return options
    }

    @Test("openssl finds the chain good, the names right, and the keys kept from others")
    func chain() async throws {
        try await DaemonBench.with(options) { bench async throws in
            let tls = bench.folder + "/tls"
            let verified = try openssl([
                "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile",
                "\(tls)/authority.pem", "\(tls)/server.pem",
            ])
            #expect(verified.status == 0, "\(verified.output)")
            let byAddress = try openssl([
                "verify", "-verify_ip", "127.0.0.1", "-CAfile", "\(tls)/authority.pem", "\(tls)/server.pem",
            ])
            #expect(byAddress.status == 0, "\(byAddress.output)")
            let digest = try openssl(["x509", "-in", "\(tls)/authority.pem", "-noout", "-fingerprint", "-sha256"])
                .output
            let hex = digest.split(separator: "=").last?.filter(\.isHexDigit).lowercased()
            #expect(Certificates.fingerprint(try #require(bench.authority))?.text == hex)
            for (name, mode) in [("authority.key", 0o600), ("server.key", 0o600)] as [(String, UInt32)] {
                #expect(try DiskFiles().information("\(tls)/\(name)")?.mode == mode, "\(name)")
            }
            #expect(try DiskFiles().information(tls)?.mode == 0o700)
            // Its authority may sign for nothing below it.
            let text = try openssl(["x509", "-in", "\(tls)/authority.pem", "-noout", "-text"]).output
            #expect(text.contains("CA:TRUE, pathlen:0") && text.contains("Certificate Sign"))
        }
    }

    @Test(
        "the certificate is renewed before it ends, while it is served; who joined before goes on",
        .timeLimit(.minutes(5)))
    func renewal() async throws {
        let time = ManualTime(wall: SystemTime().wall())
        var options = options
        options.time = time
        options.maintenance.certificate = .seconds(3600)
        try await DaemonBench.with(options) { bench async throws in
            let path = bench.folder + "/tls/server.pem"
            let first = try String(contentsOfFile: path, encoding: .utf8)
            let authority = try #require(bench.authority)
            // The ticker, the maintenance, the keeper of folders, both of the page's and that of the
            // certificate sleep by this time: it goes on a day when all have looked at the day before.
            while try String(contentsOfFile: path, encoding: .utf8) == first {
                while time.sleeping < 6 { try await Task.sleep(for: .milliseconds(1)) }
                time.advance(by: .seconds(86_400))
            }
            #expect(bench.authority == authority)
            let end = try #require(Certificates.end(first))
            #expect(time.wall() < end, "renewed while the old one was good")
            #expect(time.wall() > end.adding(days: -32), "and not long before it was due")
            let port = try #require(Int(bench.url.split(separator: ":").last ?? ""))
            let shown = try openssl(["s_client", "-connect", "127.0.0.1:\(port)", "-showcerts"]).output
            let renewed = try String(contentsOfFile: path, encoding: .utf8)
            #expect(shown.contains(renewed.trimmingCharacters(in: .newlines)), "the new one is served")
        }
    }

    @Test("it is the same after a restart; its key alone is enough to go on")
    func restart() async throws {
        let bench = DaemonBench(options)
        try await bench.start()
        do {
            let before = try #require(bench.authority)
            let server = try String(contentsOfFile: bench.folder + "/tls/server.pem", encoding: .utf8)
            try await bench.stop()
            try await bench.start()
            #expect(bench.authority == before)
            #expect(try String(contentsOfFile: bench.folder + "/tls/server.pem", encoding: .utf8) == server)
            try await bench.stop()
            // Killed between the files of a renewal.
            try FileManager.default.removeItem(atPath: bench.folder + "/tls/server.names")
            try await bench.start()
            _ = try await bench.call(.health, Nothing())
        } catch {
            try await bench.end()
            throw error
        }
        try await bench.end()
    }

    @Test("commands of the coordinator's own user on its machine find the authority as they find the token")
    func registry() async throws {
        let folder = NSTemporaryDirectory() + "registry-\(SystemRandom().hexadecimal(bytes: 8))"
        let registry = CoordinatorRegistry(folder: folder, machine: "0123456789ab")
        defer { try? FileManager.default.removeItem(atPath: folder) }  // it is there unless the test failed
        var options = options
        options.registry = registry
        let bench = DaemonBench(options)
        try await bench.start()
        do {
            let port = try #require(Int(bench.url.split(separator: ":").last ?? ""))
            let client = SweepClient(
                try ClientConfiguration(coordinator: "https://127.0.0.1:\(port)", registry: registry))
            _ = try await client.call(.sweeps, Nothing(), retry: .never)
            #expect(registry.authority(port: port) == bench.authority)
            try await bench.end()
            #expect(registry.authority(port: port) == nil)
        } catch {
            try await bench.end()
            throw error
        }
    }
}
