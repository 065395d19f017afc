//! The codes of error answers: why the server refuses a request.

use super::{class::Recovery, registry::error_codes};

/// [`error_codes`] with an HTTP status: a row is `Variant = "code", status, ProblemClass, Chinese words, English words;`.
macro_rules! problem_codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $status:literal, $class:ident, $zh:literal, $en:literal;)* }) => {
        error_codes! { $(#[$doc])* $name { $($(#[$vdoc])* $variant = $code, $class, $zh, $en;)* } }
        impl $name {
            /// The HTTP status that the answer has.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }
        }
    };
}

problem_codes! {
    /// The code of an error answer ([`super::Problem`]).
    ProblemCode {
        // The request as such
        BadRequest = "request.malformed", 400, Refused, "请求格式不正确，请刷新或更新应用后重试", "The request is malformed; reload or update the app and try again";
        TooLarge = "request.too_large", 413, Split, "内容过大，请分批发送", "The request body is too large; send it in smaller parts";
        NotFound = "request.not_found", 404, Refused, "没有这个内容，请刷新列表后再试", "Not found; refresh the list and try again";
        MethodNotAllowed = "request.method", 405, Refused, "不支持这种操作，请更新应用后重试", "This method is not allowed here; update the app and try again";
        RangeBeyond = "request.range", 416, Refused, "所要的部分超出文件末尾，请从头下载", "The range is beyond the end of the file; download it from the start";
        UnsupportedMedia = "request.media_type", 415, Refused, "内容类型不正确，请更新应用后重试", "This media type is not supported here; update the app and try again";
        /// A body that did not fit its schema; `errors` names the fields.
        Invalid = "request.invalid", 422, Refused, "填写有误，请改正后再提交", "Some fields are invalid; correct them and submit again";
        // The server
        Internal = "server.internal", 500, RetryLater, "服务器出错，请稍后再试", "The server failed; try again later";
        Busy = "server.busy", 503, RetryLater, "服务器忙，请稍后再试", "The server is busy; try again later";
        Full = "server.full", 507, RetryLater, "服务器存储空间不足，内容仍保存在本机，请联系管理员", "The server has run out of storage; everything is kept on this handset; contact the administrator";
        Stopping = "server.stopping", 503, RetryLater, "服务器正在重启，请稍后再试", "The server is restarting; try again later";
        RateLimited = "request.rate", 429, RetryLater, "请求过于频繁，请稍后再试", "Too many requests; try again later";
        Slow = "request.timeout", 408, RetryLater, "网络太慢，内容未收全，请重试", "The network is too slow and the request did not arrive completely; try again";
        PublicAddress = "server.public_address", 409, Refused, "终端连不上服务器现在的地址，没有发放登记码；请管理员用 --public 指明地址后重启", "No handset can reach the server's address, so no invitation was made; the operator has to name another by --public and restart";
        // Authentication
        Unauthenticated = "auth.required", 401, Authenticate, "请先登录", "Sign in first";
        TokenExpired = "auth.token", 401, Authenticate, "登录已过期，请重新登录", "The session has expired; sign in again";
        Password = "auth.password", 401, SenderRefused, "账号或密码不正确，请检查后重新输入", "The account or password is wrong; check both and try again";
        LockedOut = "auth.locked", 429, RetryLater, "连续输错，请稍后再试", "Too many failed attempts; try again later";
        Signature = "auth.signature", 401, SenderRefused, "签名不符，内容未被接收，请联系管理员", "The signature is not valid and nothing was accepted; contact the administrator";
        Challenge = "auth.challenge", 401, Authenticate, "验证已过期，将自动重试", "The challenge has expired; a new one is requested automatically";
        Forbidden = "auth.forbidden", 403, SenderRefused, "没有这项权限，如有需要请联系管理员", "Your role does not permit this; contact the administrator if you need it";
        OutOfScope = "auth.scope", 403, SenderRefused, "不在您的管辖范围内，如有需要请联系管理员", "This is outside your area; contact the administrator if you need it";
        PasswordDue = "auth.password_due", 403, SenderRefused, "请先把首次密码改成自己的密码，再办理其他事项", "Change the first password to one of your own before you do anything else";
        WeakPassword = "auth.weak_password", 422, SenderRefused, "密码太简单，请至少使用 8 位并避开常见密码", "The password is too weak; use at least 8 characters and no common password";
        // Terminals
        EnrolCode = "enrol.code", 403, Refused, "登记码无效或已用过，请向管理员索取新的", "The enrolment code is wrong, expired or already used; ask the administrator for a new one";
        EnrolString = "enrol.string", 422, Refused, "这不是巡格的登记码，请核对，或向管理员另要", "This is not a code of Xunge; check it, or ask the administrator for another one";
        EnrolConflict = "enrol.conflict", 409, Refused, "该终端已登记为其他身份，请联系管理员", "This stream is already enrolled with another key; contact the administrator";
        StreamUnknown = "stream.unknown", 404, Authenticate, "服务器不认识本机，将自动重新登记", "The server does not know this handset; it will be enrolled again automatically";
        StreamRevoked = "stream.revoked", 403, StreamEnded, "本终端已停用，请联系管理员", "This terminal has been revoked; contact the administrator";
        /// As [`Self::StreamRevoked`], and the terminal's data must be wiped after it is handed over.
        TerminalWipe = "terminal.wipe", 403, StreamEnded, "已收到清除指令：先封存并交接待上传内容，再清除本机数据", "A wipe was ordered: unsent content is sealed and handed over first, then the data on this terminal is deleted";
        ParcelMalformed = "parcel.malformed", 422, Refused, "封存包无法识别或已损坏，请重新导出", "The file is not a parcel or is damaged; export it again";
        ParcelKey = "parcel.key", 422, Refused, "封存包不是用本服务器的密钥封存的，请交给原服务器的管理员", "The parcel was not sealed with a key of this server; give it to the administrator of the server it was made for";
        // Entries
        TooMany = "push.too_many", 413, Split, "一次发送的条目过多，将自动分批", "Too many entries in one batch; they will be sent in smaller batches";
        WrongStream = "push.stream", 403, SenderRefused, "内容不属于本机，请联系管理员", "The content belongs to another stream; contact the administrator";
        EntryUnframed = "entry.unframed", 422, Refused, "条目无法识别，请联系管理员", "The entry has no readable id and number; contact the administrator";
        EntryTooLarge = "entry.too_large", 413, Refused, "条目过大，请缩短内容后重新提交", "The entry is too large; shorten it and submit it again";
        EntryConflict = "entry.conflict", 409, Refused, "同一编号已有不同内容，未覆盖，请联系管理员", "Another entry has the same id; nothing was overwritten; contact the administrator";
        EntryNumberTaken = "entry.number_taken", 409, Refused, "这条与另一部手机或旧备份的编号重复，中心没有收；修改后重新提交即可，内容都在", "Another handset or an old backup has used the number of this item, so the centre did not take it; revise and submit it again: everything is here";
        // Photos
        PhotoUnnamed = "photo.unnamed", 422, Refused, "没有条目包含这张照片，请先提交条目", "No entry of this stream contains this photo; submit the entry first";
        PhotoHash = "photo.hash_mismatch", 422, RetryLater, "照片内容与登记不符，将重新上传", "The photo does not have the expected hash; it will be uploaded again";
        PhotoSize = "photo.size", 413, Refused, "照片过大，请降低分辨率后重拍", "The photo is too large; lower the resolution and take it again";
        PhotoEmpty = "photo.empty", 422, Refused, "照片是空文件，请重新拍照", "The photo file is empty; take the photo again";
        PhotoNotImage = "photo.not_an_image", 422, Refused, "这不是照片，请重新选择", "This is not a photo; choose another file";
        PhotoPixels = "photo.too_many_pixels", 422, Refused, "照片像素过大，请降低分辨率后重拍", "The photo has too many pixels; lower the resolution and take it again";
        PhotoCutOff = "photo.cut_off", 422, Refused, "照片不完整，请重新拍照", "The photo is incomplete; take it again";
        UploadOffset = "upload.offset", 409, RetryLater, "上传位置不符，将从正确位置继续", "The upload offset does not match; the upload will continue from the correct one";
        UploadGone = "upload.gone", 410, RetryLater, "上传已过期，将重新上传", "The upload has expired; it will start again";
        UploadChecksum = "upload.checksum", 460, RetryLater, "这一段传输有误，将重传", "This part of the upload was damaged on the way; it will be sent again";
        TusVersion = "upload.version", 412, Version, "上传协议版本不支持，请更新应用", "This version of the tus protocol is not supported; update the app";
        // Cases
        CaseTransition = "case.transition", 409, Refused, "案卷当前状态不能这样操作，请刷新后查看可办理的操作", "The case does not allow this action in its present state; refresh to see the allowed actions";
        CaseRole = "case.role", 403, Refused, "这一步由其他岗位办理，您不用处理", "This step belongs to another role; you do not need to act";
        CaseGuard = "case.guard", 422, Refused, "条件未满足，请按提示补全后再办理", "A condition is not met; complete what is listed and try again";
        CaseChanged = "case.changed", 409, Refused, "案卷刚有更新，请刷新后再办理", "The case has just changed; refresh it and try again";
        // Tasks
        TaskState = "task.state", 409, Refused, "任务当前状态不能这样操作，请刷新后查看", "The task does not allow this action in its present state; refresh and look at the task";
        PlaceUnknown = "place.outside_grid", 422, Refused, "该位置不在任何网格内，请重新选点", "The place is not in any cell of the grid; choose another place";
        // The review queue
        ReviewNotApplicable = "review.not_applicable", 409, Refused, "这类内容不能由核对采用，请退回并说明原因", "A reviewer cannot apply this kind of entry; reject it and give the reason";
        ReviewSettled = "review.settled", 409, Refused, "该内容不在待核对之列，请刷新列表", "This entry is not waiting for a decision; refresh the list";
        // Activities
        ActivityLevel = "activity.level", 403, Refused, "活动由举办单位的上一级审核，您不用处理", "An activity is reviewed by a unit above its host; you do not need to act";
        ActivityState = "activity.state", 409, Refused, "该活动记录已审核，请刷新后查看结果", "This activity record has already been reviewed; refresh to see the result";
        ActivityChanged = "activity.changed", 409, Refused, "活动记录已更新为新版本，请刷新后再审核", "The activity record has a newer version; refresh it before you review";
        // Grid
        GridFaults = "grid.faults", 422, Refused, "网格数据有问题，未导入，请按列出的问题改正后重新导入", "The grid has faults and was not imported; correct the listed faults and import it again";
        GridReplaces = "grid.replaces", 409, Refused, "新网格与现行网格差别较大，未导入；核对所列数字，确认无误后选择替换再导入", "The new grid differs from the one in force and was not imported; look at the figures and import it again with replace";
        // People
        NameTaken = "people.account_taken", 409, Refused, "账号已存在，请换一个账号", "This account already exists; choose another one";
        LastAdministrator = "people.last_admin", 409, Refused, "这是本市最后一个管理员，请先设另一个管理员", "This is the city's last administrator; make another one first";
        /// Of the same unit, or of the top unit: only the level above makes administrators.
        AdministratorLevel = "people.admin_level", 403, Refused, "管理员由上一级单位的管理员设置；市级管理员请在服务器上用 xunge-server admin add 添加", "The administrator of the unit one level up makes administrators; for the top unit run xunge-server admin add on the server";
        PersonDisabled = "people.disabled", 409, Refused, "该人员已停用，请先启用再重置密码", "This person is disabled; enable the person before you reset the password";
        NoAccount = "people.no_account", 409, Refused, "该人员没有账号，没有密码可以重置", "This person has no account, so there is no password to reset";
        PostNumberTaken = "people.post_number_taken", 409, Refused, "号码已属于其他岗位，请换一个号码", "This number belongs to another post; choose another one";
    }
}

impl ProblemCode {
    /// Returns how a client handles the request that was answered with this problem.
    pub const fn recovery(self) -> Recovery {
        self.class().recovery()
    }
}
