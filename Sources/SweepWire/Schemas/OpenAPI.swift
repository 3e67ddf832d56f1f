import SweepModel

/// The contract as an OpenAPI 3.1 document, made of the same endpoint values that serve.
package enum OpenAPI {
    /// The document as JSON with sorted keys.
    ///
    /// - Parameter version: of the program.
    package static func document(version: String) -> String {
        var paths: [String: [String: SchemaJSON]] = [:]
        for route in Route.all {
            paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(route)
        }
        return SchemaJSON.object([
            "openapi": .text("3.1.0"),
            "info": .object([
                "title": .text("Radiata coordinator"), "version": .text(version),
                "description": .text(
                    "Protocol \(ProtocolVersion.current). The rule of each call stands in Sources/SweepWire and docs/reference/http.md."
                ),
            ]),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": .object([
                "securitySchemes": .object([
                    "token": .object(["type": .text("http"), "scheme": .text("bearer")])
                ]),
                "schemas": .object(["Error": .object(WireSchema.fault.json)]),
            ]),
        ]).written() + "\n"
    }

    /// Statuses of errors that any call may answer; 500 is not among them.
    private static let statuses = [400, 401, 403, 404, 405, 409, 413, 422, 426, 429, 503, 507]

    private static func operation(_ route: Route) -> SchemaJSON {
        let inPath = Set(
            route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) })
        var responses: [String: SchemaJSON] = [
            "200": .object(
                ["description": .text("done")].merging(content(route.response), uniquingKeysWith: { $1 }))
        ]
        let error: SchemaJSON = .object([
            "description": .text("refused"),
            "content": .object([
                "application/json": .object([
                    "schema": .object(["$ref": .text("#/components/schemas/Error")])
                ])
            ]),
        ])
        for status in statuses { responses[String(status)] = error }
        var result: [String: SchemaJSON] = [
            "operationId": .text(route.name), "responses": .object(responses),
            "description": .text(
                route.scopes.isEmpty
                    ? "Needs no token."
                    : "Scope: \(route.scopes.map(\.rawValue).joined(separator: " or "))."
                        + (route.isIdempotent ? " A repeat is harmless." : "")
            ),
            "security": .list(route.scopes.isEmpty ? [] : [.object(["token": .list([])])]),
        ]
        if !route.parameters.isEmpty {
            result["parameters"] = .list(
                route.parameters.map { parameter in
                    .object([
                        "name": .text(parameter.name), "in": .text(inPath.contains(parameter.name) ? "path" : "query"),
                        "required": .flag(parameter.isRequired), "schema": .object(parameter.schema.json),
                    ])
                })
        }
        if route.request != .none {
            result["requestBody"] = .object(
                // Bytes may be none: the only chunk of an empty blob.
                ["required": .flag(route.request != .bytes)].merging(content(route.request), uniquingKeysWith: { $1 }))
        }
        return .object(result)
    }

    private static func content(_ content: WireContent) -> [String: SchemaJSON] {
        switch content {
        case .none: [:]
        case .json(let schema): ["content": .object(["application/json": .object(["schema": .object(schema.json)])])]
        case .bytes:
            ["content": .object(["application/octet-stream": .object(["schema": .object([:])])])]
        }
    }
}
