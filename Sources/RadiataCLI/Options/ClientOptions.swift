import ArgumentParser
import Foundation
import Ports
import SweepClient

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

    static let defaultCoordinator = "http://127.0.0.1:7070"

    func client() throws -> SweepClient {
        SweepClient(try configuration())
    }

    func configuration() throws -> ClientConfiguration {
        let environment = ProcessInfo.processInfo.environment
        let address = coordinator ?? environment["RADIATA_COORDINATOR"] ?? Self.defaultCoordinator
        var result = try ClientConfiguration(
            coordinator: address, token: try token(environment), registry: .ofThisUser(environment))
        result.authorities = tlsCa
        return result
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
