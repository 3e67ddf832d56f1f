import ArgumentParser
import Foundation
import Ports
import SweepClient
import SweepWire

/// Where the coordinator is; shared by all client commands.
struct ClientOptions: ParsableArguments {
    @Option(help: "Address of the coordinator (or RADIATA_COORDINATOR).")
    var coordinator: String?

    @Option(
        help:
            "File with the access token (or RADIATA_TOKEN holds the token itself). Your own coordinators on this machine need none."
    )
    var tokenFile: String?

    @Option(help: "Certificate authority that signed the coordinator's certificate.")
    var tlsCa: String?

    @Option(
        help:
            "File with the coordinator's addresses, its certificate authority and a token (coordinator run --join-file)."
    )
    var joinFile: String?

    private static let defaultPort = 7070
    static let defaultCoordinator = "http://127.0.0.1:7070"
    private static let defaultSecure = "https://127.0.0.1:7070"

    func client() throws -> SweepClient {
        SweepClient(try configuration())
    }

    /// nil, and a word why, where the options or the environment name no coordinator that could be asked: for
    /// what can be said without one.
    func clientIfAny() -> SweepClient? {
        do {
            return try client()
        } catch {
            Console.note("warning: no coordinator is asked: \(error)")
            return nil
        }
    }

    func configuration() throws -> ClientConfiguration {
        let environment = ProcessInfo.processInfo.environment
        if let joinFile { return try joined(Paths.expanded(joinFile), environment) }
        let registry = CoordinatorRegistry.ofThisUser(environment)
        let address =
            coordinator ?? environment["RADIATA_COORDINATOR"]
            // This user's own, which speaks TLS where others may reach it.
            ?? (registry?.authority(port: Self.defaultPort) == nil ? Self.defaultCoordinator : Self.defaultSecure)
        return try ClientConfiguration(
            coordinator: address, token: try token(environment), authorities: tlsCa, registry: registry)
    }

    private func joined(_ path: String, _ environment: [String: String]) throws -> ClientConfiguration {
        do {
            var file = try JoinFile.read(path)
            if let token = try token(environment) { file.token = token }
            return try ClientConfiguration(joining: file)
        } catch let error as PortsError {
            throw CommandFailure(error.code == .notFound ? .notFound : .usage, "--join-file \(error.message)")
        }
    }

    private func token(_ environment: [String: String]) throws -> String? {
        guard let tokenFile else { return environment["RADIATA_TOKEN"] }
        do {
            return try SecretFile.read(tokenFile)
        } catch let error as PortsError {
            throw CommandFailure(.usage, "--token-file \(error.message)")
        }
    }
}
