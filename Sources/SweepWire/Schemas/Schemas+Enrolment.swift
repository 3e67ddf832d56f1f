import SweepModel

extension InviteRequest {
    package static var content: WireContent {
        .json(
            .object([
                "scope": .scope, "note": .text(most: 256), "lifetime": .number(above: 0, most: WireLimit.inviteSeconds),
            ]))
    }
}

extension InviteResponse {
    package static var content: WireContent {
        .json(
            .object(
                ["code": .text, "addresses": .array(.text), "isLoopback": .flag, "expires": .integer()],
                optional: ["authority": .sha256]))
    }
}

extension EnrolRequest {
    package static var content: WireContent {
        .json(
            .object([
                "code": .text(most: 64), "token": .text(pattern: "^[0-9a-f]{12}$"), "hash": .sha256, "name": .label,
            ]))
    }
}

extension EnrolResponse {
    package static var content: WireContent { .json(.object(["scope": .scope])) }
}

extension AuthorityResponse {
    package static var content: WireContent { .json(.object(["certificate": .text])) }
}
