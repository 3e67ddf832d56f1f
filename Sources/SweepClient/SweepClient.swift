import Foundation
package import Ports
package import SweepWire

/// Calls the coordinator: an endpoint's value and a request go in, its answer comes out.
///
/// Connections are kept and reused. Two clients never share one: what must not wait behind bulk data has its
/// own client.
package final class SweepClient: CoordinatorCalls {
    package let configuration: ClientConfiguration
    package let time: any TimeSource
    package let random: any RandomSource
    private let engine = TransferEngine()
    private let places: CoordinatorPlaces

    package init(
        _ configuration: ClientConfiguration, time: any TimeSource = SystemTime(),
        random: any RandomSource = SystemRandom()
    ) {
        self.configuration = configuration
        self.time = time
        self.random = random
        places = CoordinatorPlaces(configuration)
    }

    package var address: String { places.current.address }

    package func send<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, timeLimit: Duration?
    ) async throws -> Response {
        var message = HTTPRequest(method: endpoint.method, url: endpoint.target(of: request))
        message.headers = ["\(ProtocolVersion.header): \(ProtocolVersion.current)", "User-Agent: radiata"]
        message.headers.append(
            "Content-Type: \(Request.self is any Decodable.Type ? "application/json" : "application/octet-stream")")
        message.body = Array(try request.body())
        message.timeLimit = timeLimit
        message.usesEnvironmentProxy = configuration.usesEnvironmentProxy
        return try await sendWithToken(message)
    }

    /// The token that was given, else the one of this user's own coordinator on this machine.
    private func sendWithToken<Response: WireResponse>(_ message: HTTPRequest) async throws -> Response {
        guard let local = configuration.local else {
            let place = places.current
            do {
                return try await send(message, to: place, token: place.token)
            } catch let error as ClientError where error.code == .unreachable || error.code == .untrusted {
                places.failed(place)
                throw error
            }
        }
        let place = places.current
        let found = local.find()
        do {
            return try await send(message, to: place, token: found.token, reason: found.reason)
        } catch let error as ClientError where error.code == .refused(.unauthorized) {
            // A coordinator that has just come up publishes its token when it listens already.
            let now = local.find()
            guard let token = now.token, token != found.token else { throw error }
            return try await send(message, to: place, token: token)
        }
    }

    /// The certificate of an authority that an invitation names by its digest. Whoever answers is believed
    /// only if the digest is right; nothing secret is sent.
    ///
    /// - Throws: ``ClientError``: `untrusted` for another certificate.
    package static func authority(_ digest: ContentDigest, at address: String, timeLimit: Duration) async throws
        -> String
    {
        var configuration = try ClientConfiguration(coordinator: address)
        configuration.trust = .unchecked
        let client = SweepClient(configuration)
        let answer = try await client.call(.authority, Nothing(), retry: .never, timeLimit: timeLimit)
        guard Certificates.fingerprint(answer.certificate) == digest else {
            throw ClientError(
                .untrusted,
                "coordinator \(address): its authority is not the one that the invitation names; is this the right machine, and "
                    + "nobody between? Nothing was sent to it")
        }
        return answer.certificate
    }

    private func send<Response: WireResponse>(
        _ message: HTTPRequest, to place: CoordinatorPlaces.Place, token: String?, reason: String? = nil
    ) async throws -> Response {
        var message = message
        if let token { message.headers.append("Authorization: Bearer \(token)") }
        let coordinator = place.address
        message.url = coordinator + message.url
        message.trust = place.trust
        let answer: HTTPAnswer
        do {
            answer = try await engine.perform(message)
        } catch let error as TransportError {
            throw ClientError(error, coordinator: coordinator)
        }
        switch answer.status {
        case 200..<300:
            let response: Response
            do {
                response = try Response(body: Data(answer.body))
            } catch {
                throw ClientError(.badAnswer, "coordinator \(coordinator): its answer cannot be read: \(error)")
            }
            if let fault = (response as? any LateFault)?.error {
                throw ClientError.refused(fault, coordinator: coordinator)
            }
            return response
        case 300..<400:
            throw ClientError(
                .badAnswer,
                "\(coordinator) redirects (HTTP \(answer.status)), which a coordinator never does; give its own address"
            )
        default: throw ClientError.refused(wireError(of: answer), coordinator: coordinator, reason: reason)
        }
    }

    private func wireError(of answer: HTTPAnswer) -> WireError {
        var error: WireError
        do {
            error = try WireJSON.decode(WireError.self, from: Data(answer.body))
        } catch {
            return WireError.unreadable(status: answer.status, body: Data(answer.body))
        }
        if error.retryAfter == nil, let text = answer.headers["retry-after"] { error.retryAfter = Double(text) }
        return error
    }
}

extension LocalCoordinator.Finding {
    var token: String? { if case .token(let token) = self { token } else { nil } }
    var reason: String? { if case .nothing(let reason) = self { reason } else { nil } }
}

extension ClientError {
    init(_ error: TransportError, coordinator: String) {
        switch error.kind {
        case .noAnswer where error.message.contains("resolve host"):
            self.init(
                .unreachable,
                "coordinator \(coordinator): no machine of that name is known here (\(error.message)); check the name, or give "
                    + "the machine's address with --coordinator URL")
        case .noAnswer:
            self.init(
                .unreachable,
                "coordinator \(coordinator) does not answer (\(error.message)); start it with 'radiata coordinator run', or "
                    + "give its address with --coordinator URL or RADIATA_COORDINATOR")
        case .untrusted
        where ["wrong version number", "packet length too long", "record layer failure", "unexpected TLS packet"]
            .contains { error.message.contains($0) }:
            self.init(
                .untrusted,
                "coordinator \(coordinator): what answers there speaks no TLS (\(error.message)); give its address as http://…"
            )
        case .badRequest where error.message.contains("HTTP/0.9"):
            self.init(
                .badAnswer,
                "coordinator \(coordinator): what answers there speaks no HTTP (\(error.message)); is its address https://…?"
            )
        case .untrusted:
            self.init(
                .untrusted,
                "coordinator \(coordinator): its certificate cannot be trusted (\(error.message)); give the authority that "
                    + "signed it with --tls-ca FILE")
        case .tooLong: self.init(.badAnswer, "coordinator \(coordinator): \(error.message)")
        case .badRequest: self.init(.local, "'\(coordinator)' is no address to connect to (\(error.message))")
        }
    }
}
