import CoordinatorCore
import CoordinatorOperations
import Foundation
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import Ports
import SweepModel
import SweepWire
import Synchronization

/// What the lanes of all connections share: which calls they answer, and how.
struct LaneCalls: Sendable {
    enum Kind { case exchange, heartbeat }

    /// The headers of a request that was let in.
    struct Shown {
        let head: HTTPRequest
        let admission: TokenBook.Admission
    }

    let operations: Operations
    let mount: EndpointMount
    let origin: RequestOrigin
    let base: BasePath
    private let date: HTTPDate

    private static let exchange = Endpoint<ExchangeRequest, ExchangeResponse>.exchange
    private static let heartbeat = Endpoint<HeartbeatRequest, HeartbeatResponse>.heartbeat
    /// Larger ones are read elsewhere.
    private static let mostBytes = 64 << 10

    init(operations: Operations, mount: EndpointMount, origin: RequestOrigin, base: BasePath, time: any TimeSource) {
        self.operations = operations
        self.mount = mount
        self.origin = origin
        self.base = base
        date = HTTPDate(time)
    }

    /// - Returns: nil for what the router answers.
    func kind(of head: HTTPRequest) -> Kind? {
        guard head.method == .post, let target = head.path, head.headerFields[.connection] == nil,
            head.headerFields[.expect] == nil, head.headerFields[.transferEncoding] == nil,
            let length = head.headerFields[.contentLength].flatMap({ Int($0) }), length <= Self.mostBytes
        else { return nil }
        switch base.stripped(target) {
        case Self.exchange.path: return .exchange
        case Self.heartbeat.path: return .heartbeat
        default: return nil
        }
    }

    /// - Throws: `WireError`: what is not right with the request, which the router finds again and counts.
    func admit(_ head: HTTPRequest) throws -> Shown {
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        try origin.check(base.stripped(request))
        if let name = SafeHeaders.protocolVersion, let fault = ProtocolVersion.fault(head.headerFields[name]) {
            throw fault
        }
        try EndpointMount.checkMedia(request, .json(.object([:])), Self.exchange.name)
        let token = head.headerFields[.authorization]
        return Shown(head: head, admission: try mount.tokens.admit(token, wants: [.worker]))
    }

    /// Whether a request shows what one before it on the connection did, its length left out.
    func isSame(_ head: HTTPRequest, _ shown: Shown) -> Bool {
        let (new, old) = (head.headerFields, shown.head.headerFields)
        guard new.count == old.count, head.authority == shown.head.authority, head.scheme == shown.head.scheme else {
            return false
        }
        let isEqual = zip(new, old).allSatisfy { one, other in
            one.name == other.name && (one.name == .contentLength || one.value == other.value)
        }
        return isEqual && mount.tokens.isGood(shown.admission)
    }

    /// Hands a call to the engine.
    ///
    /// - Parameter finish: gets the body of the answer, on any thread.
    /// - Returns: the id of a long poll.
    /// - Throws: `WireError`; then nothing was done.
    func hand(
        _ kind: Kind, _ bytes: ByteBuffer?, _ principal: Principal,
        _ finish: @escaping @Sendable (Result<Data, any Error>) -> Void
    ) throws -> ReplyID? {
        let body = bytes.map { Data($0.readableBytesView) } ?? Data()
        switch kind {
        case .exchange:
            let request = try ExchangeRequest(parameters: [:], body: body)
            let id = try operations.exchange(request, principal) { answer in
                finish(Result { try answer.get().body() })
            }
            return request.mayWait ? id : nil
        case .heartbeat:
            let request = try HeartbeatRequest(parameters: [:], body: body)
            _ = try operations.heartbeat(request, principal) { answer in
                finish(Result { try answer.get().body() })
            }
            return nil
        }
    }

    func abandon(_ poll: ReplyID) { operations.engine.abandon(poll) }

    /// - Returns: the head of an answer with all that the router would have put into it, and its body.
    func answer(_ result: Result<Data, any Error>) -> (HTTPResponse, Data) {
        do {
            let body = try result.get()
            return (head(.ok, Self.fields, body), body)
        } catch {
            let (status, fields, body) = EndpointMount.answer(to: WireError.from(error))
            return (head(status, HTTPFields(Array(fields) + SafeHeaders.all), body), body)
        }
    }

    private static let fields = HTTPFields([HTTPField(name: .contentType, value: "application/json")] + SafeHeaders.all)

    private func head(_ status: HTTPResponse.Status, _ fields: HTTPFields, _ body: Data) -> HTTPResponse {
        var fields = fields
        fields.append(HTTPField(name: .contentLength, value: String(body.count)))
        fields.append(HTTPField(name: .date, value: date.text))
        fields.append(HTTPField(name: .server, value: "radiata"))
        return HTTPResponse(status: status, headerFields: fields)
    }
}

/// The date of answers, made once a second.
private final class HTTPDate: Sendable {
    private let time: any TimeSource
    private let made = Mutex<(second: Int64, text: String)>((-1, ""))

    init(_ time: any TimeSource) { self.time = time }

    var text: String {
        let second = time.wall().milliseconds / 1000
        return made.withLock { made in
            if made.second != second { made = (second, Self.text(second)) }
            return made.text
        }
    }

    /// RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
    private static func text(_ second: Int64) -> String {
        var (seconds, parts) = (time_t(second), tm())
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : String(number) }
        return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) "
            + "\(1900 + parts.tm_year) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
