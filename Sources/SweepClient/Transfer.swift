import CCurl
import SweepWire
import Synchronization

/// One request on its way, with the buffers libcurl reads and fills.
///
/// `@unchecked`: the buffers and the handle are touched only by the engine's thread, between start and
/// finish; the continuation is resumed exactly once, by that thread.
final class Transfer: @unchecked Sendable {
    let id: UInt64
    private let request: HTTPRequest
    private let continuation: CheckedContinuation<HTTPAnswer, any Error>
    private var handle: OpaquePointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var requestBody: UnsafeMutableBufferPointer<UInt8>?
    private var errorText: UnsafeMutablePointer<CChar>?
    private var body: [UInt8] = []
    private var headers: [String: String] = [:]
    private var isTooLong = false

    init(id: UInt64, request: HTTPRequest, continuation: CheckedContinuation<HTTPAnswer, any Error>) {
        self.id = id
        self.request = request
        self.continuation = continuation
    }

    /// Writes the request into an easy handle.
    func prepare(_ handle: UnsafeMutableRawPointer) {
        func text(_ option: CURLoption, _ value: String) { _ = ccurl_set_text(handle, option, value) }
        func number(_ option: CURLoption, _ value: Int) { _ = ccurl_set_long(handle, option, value) }
        text(CURLOPT_URL, request.url)
        text(CURLOPT_PROTOCOLS_STR, "http,https")
        number(CURLOPT_FOLLOWLOCATION, 0)
        number(CURLOPT_NOSIGNAL, 1)
        number(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        number(CURLOPT_TCP_KEEPALIVE, 1)
        number(CURLOPT_CONNECTTIMEOUT_MS, Int(request.connectLimit.components.seconds * 1000))
        if let limit = request.timeLimit {
            number(CURLOPT_TIMEOUT_MS, max(1, Int(limit / .milliseconds(1))))
        } else {
            // A stalled transfer is a lost one: less than one byte a second for a minute. With a limit of its
            // own a request may wait for an answer that takes long to make.
            number(CURLOPT_LOW_SPEED_LIMIT, 1)
            number(CURLOPT_LOW_SPEED_TIME, 60)
        }
        if !request.usesEnvironmentProxy { text(CURLOPT_PROXY, "") }
        trust(handle)
        prepareBody(handle)
        // Without this libcurl asks for leave before bodies over 1 MiB, and waits a second if none comes.
        for line in request.headers + ["Expect:"] { headerList = curl_slist_append(headerList, line) }
        _ = ccurl_set_headers(handle, headerList)
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        text.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        errorText = text
        _ = ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, text)
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_set_receiver(handle, Transfer.receiveBody, Transfer.receiveHeader, context)
        _ = ccurl_set_pointer(handle, CURLOPT_PRIVATE, context)
    }

    private func trust(_ handle: UnsafeMutableRawPointer) {
        switch request.trust {
        case .system: return
        case .file(let path): _ = ccurl_set_text(handle, CURLOPT_CAINFO, path)
        case .pinned(let pem):
            _ = ccurl_set_authorities(handle, pem, pem.utf8.count)
            _ = ccurl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 0)
        case .unchecked:
            _ = ccurl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 0)
            _ = ccurl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 0)
        }
        // The folder of the system's authorities is looked into too, unless it is named away.
        _ = ccurl_set_text(handle, CURLOPT_CAPATH, nil)
    }

    private func prepareBody(_ handle: UnsafeMutableRawPointer) {
        switch request.method {
        case .get: _ = ccurl_set_long(handle, CURLOPT_HTTPGET, 1)
        case .head: _ = ccurl_set_long(handle, CURLOPT_NOBODY, 1)
        case .post, .put, .delete:
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: request.body.count)
            _ = copy.initialize(from: request.body)
            requestBody = copy
            _ = ccurl_set_long(handle, CURLOPT_POST, 1)
            _ = ccurl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(copy.count))
            _ = ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, copy.baseAddress ?? UnsafeMutablePointer(bitPattern: 1))
            _ = ccurl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    /// Hands the result to the caller.
    func finish(_ handle: UnsafeMutableRawPointer, _ result: CURLcode) {
        if result == CURLE_OK {
            let status = ccurl_response_code(handle)
            continuation.resume(returning: HTTPAnswer(status: status, body: body, headers: headers))
        } else {
            continuation.resume(throwing: failure(result))
        }
        release()
    }

    func cancel() {
        continuation.resume(throwing: CancellationError())
        release()
    }

    private func failure(_ result: CURLcode) -> TransportError {
        let detail = errorText.map { String(cString: $0) } ?? ""
        let message = detail.isEmpty ? String(cString: curl_easy_strerror(result)) : detail
        if isTooLong {
            return TransportError(kind: .tooLong, message: "the answer is longer than \(request.answerLimit) bytes")
        }
        switch result {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CONNECT_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return TransportError(kind: .untrusted, message: message)
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return TransportError(kind: .badRequest, message: message)
        default: return TransportError(kind: .noAnswer, message: message)
        }
    }

    private func release() {
        curl_slist_free_all(headerList)
        headerList = nil
        requestBody?.deallocate()
        requestBody = nil
        errorText?.deallocate()
        errorText = nil
    }

    private func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard body.count + bytes.count <= request.answerLimit else {
            isTooLong = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    private func appendHeader(_ line: String) {
        if line.hasPrefix("HTTP/") { headers = [:] }  // an interim answer came before
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        headers[line[..<colon].lowercased()] = String(value.prefix { $0 != "\r" && $0 != "\n" && $0 != "\r\n" })
    }

    private static let receiveBody: ccurl_data_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return bytes.withMemoryRebound(to: UInt8.self, capacity: size * count) {
            transfer.append(UnsafeBufferPointer(start: $0, count: size * count)) ? size * count : 0
        }
    }

    private static let receiveHeader: ccurl_data_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        let line = bytes.withMemoryRebound(to: UInt8.self, capacity: size * count) {
            String(decoding: UnsafeBufferPointer(start: $0, count: size * count), as: UTF8.self)
        }
        transfer.appendHeader(line)
        return size * count
    }
}
